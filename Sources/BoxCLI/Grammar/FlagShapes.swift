internal import ArgumentParser
internal import BoxModel

/// Reads the flags of a verb out of its declaration.
///
/// Costs a millisecond or two, and is needed only for the rare forms that ``DockerGrammar`` rewrites.
enum FlagShapes {
    static func of<Command: ParsableCommand>(_ command: Command.Type) -> FlagShape {
        var shape = FlagShape()
        guard let json = try? JSON(parsing: command._dumpHelp()) else { return shape }
        for argument in json["command"]?["arguments"]?.arrayValue ?? [] {
            let kind = argument["kind"]?.stringValue
            for name in argument["names"]?.arrayValue ?? [] {
                guard let text = name["name"]?.stringValue else { continue }
                if kind == "flag" { shape.switches.insert(text) } else { shape.options.insert(text) }
            }
        }
        return shape
    }
}
