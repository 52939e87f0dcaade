internal import ArgumentParser
internal import BoxModel
internal import BoxSystem

struct VersionVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version of box")

    @Option(name: .shortAndLong, parsing: .unconditional, help: "json or a template") var format: String?

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let part: JSON = [
            "Version": .string(Program.version), "Os": "linux", "Arch": .string(Platform.current.architecture),
            "KernelVersion": .string(context.facts.kernelRelease),
        ]
        if let format, !format.isEmpty {
            // There is no server; scripts that ask for its version mean the program that does the work.
            context.print(try Rendering.text(format, ["Client": part, "Server": part]))
            return ExitStatus.success
        }
        context.print(
            """
            box:
             Version:    \(Program.version)
             OS/Arch:    linux/\(Platform.current.architecture)
             Kernel:     \(context.facts.kernelRelease)
            """)
        return ExitStatus.success
    }
}
