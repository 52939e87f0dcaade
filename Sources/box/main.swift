import BoxCLI
import BoxContainers
import BoxSystem

// A monitor is this program under another name: decided before anything else is set up.
if CommandLine.arguments.first == MonitorRole.programName {
    exitProcess(MonitorRole.run())
}
exitProcess(Program.run(Array(CommandLine.arguments.dropFirst())))
