import BoxCLI
import BoxSystem

// box-docs man|completions FOLDER: writes what is generated from the commands' declarations.
let arguments = Array(CommandLine.arguments.dropFirst())
let files: [(name: String, text: String)]
switch arguments.first {
case "man": files = ManPages.all()
case "completions": files = Completions.all()
default: files = []
}
guard arguments.count == 2, !files.isEmpty else {
    try StandardStream(2).writeAll(Array("usage: box-docs man|completions FOLDER\n".utf8))
    exitProcess(2)
}
let folder = try makeDirectories(arguments[1])
for name in try folder.names() where !files.contains(where: { $0.name == name }) { try folder.unlink(name) }
for file in files { try folder.write(file.name, Array(file.text.utf8)) }
exitProcess(0)
