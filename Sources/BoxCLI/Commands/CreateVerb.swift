internal import ArgumentParser
internal import BoxContainers
internal import BoxModel
internal import BoxStore

struct CreateVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a container without starting it", helpNames: .long)
    static let stopsAtPositional = true
    static let runsProgram = true
    var passedThrough: [String] { words }

    @OptionGroup var options: ContainerOptions
    @Argument(parsing: .captureForPassthrough, help: "Image, command and its arguments") var words: [String] = []

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let creation = ContainerCreation(options: options, context: context, detached: false)
        let (_, created) = try creation.make(words)
        context.print(created.record.id.text)
        return ExitStatus.success
    }
}
