import BoxCLI
import BoxContainers
import BoxSystem

// A closed standard stream must not become the first file that is opened.
reserveStandardStreams()
// A monitor is this program under another name: decided before anything else is set up.
if CommandLine.arguments.first == MonitorRole.programName {
    exitProcess(MonitorRole.run())
}
exitProcess(Program.run(Array(CommandLine.arguments.dropFirst())))
