internal import ArgumentParser

/// The flags that `run` and `create` share, named and spelled as Docker's.
struct ContainerOptions: ParsableArguments {
    // MARK: Identity
    @Option(parsing: .unconditional, help: "Name of the container") var name: String?
    @Option(parsing: .unconditional, help: "Write the container's id to this file, which must not exist") var cidfile:
        String?
    @Option(name: .shortAndLong, parsing: .unconditionalSingleValue, help: "Label, KEY=VALUE") var label: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "File with one label a line") var labelFile: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "OCI annotation, KEY=VALUE") var annotation: [String] = []

    // MARK: Image
    @Option(parsing: .unconditional, help: "Platform of the image, os/arch[/variant]") var platform: String?
    @Option(parsing: .unconditional, help: "When to pull the image: always, missing or never") var pull = "missing"
    @Flag(name: .shortAndLong, help: "Show no progress of the pull") var quiet = false
    @Flag(help: "Accepted for Docker's sake; there is no content trust to skip") var disableContentTrust = false

    // MARK: Process
    @Flag(name: .shortAndLong, help: "Keep standard input open") var interactive = false
    @Flag(name: .shortAndLong, help: "Give the container a terminal") var tty = false
    @Option(
        name: .shortAndLong, parsing: .unconditionalSingleValue,
        help: "Variable NAME=VALUE, or NAME to copy it from here")
    var env: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "File with one variable a line") var envFile: [String] = []
    @Option(name: .shortAndLong, parsing: .unconditional, help: "Working directory inside, made where missing")
    var workdir: String?
    @Option(name: .shortAndLong, parsing: .unconditional, help: "User or uid, optionally with :group") var user: String?
    @Option(parsing: .unconditionalSingleValue, help: "Additional group by name or gid") var groupAdd: [String] = []
    @Option(parsing: .unconditional, help: "Program to run instead of the image's entry point; empty clears it")
    var entrypoint: String?
    @Flag(name: .customLong("init"), help: "Run an init inside that forwards signals and reaps processes") var useInit =
        false
    @Option(parsing: .unconditional, help: "Signal that stops the container") var stopSignal: String?
    @Option(parsing: .unconditional, help: "Seconds to wait after the stop signal before the kill; -1 waits for ever")
    var stopTimeout: Int?
    @Flag(help: "Remove the container and its anonymous volumes when it ends") var rm = false
    @Option(parsing: .unconditional, help: "Keys that detach, e.g. ctrl-p,ctrl-q") var detachKeys: String?

    // MARK: Files
    @Option(
        name: .shortAndLong, parsing: .unconditionalSingleValue,
        help: "Bind a folder or volume: [SOURCE:]TARGET[:OPTIONS]")
    var volume: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "Mount: type=bind|volume|tmpfs,source=…,target=…[,readonly]…")
    var mount: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "Temporary file system: TARGET[:OPTIONS]") var tmpfs: [String] =
        []
    @Flag(help: "Make the root file system read-only") var readOnly = false
    @Option(parsing: .unconditional, help: "Size of /dev/shm, e.g. 64m") var shmSize: String?
    @Option(parsing: .unconditionalSingleValue, help: "Device of the host: PATH[:TARGET[:rwm]]") var device: [String] =
        []

    // MARK: Network and names
    @Option(
        name: [.customLong("network"), .customLong("net")], parsing: .unconditionalSingleValue,
        help:
            "Network: a name, none, host, container:NAME (default: bridge, or BOX_NETWORK), or name=NAME,alias=…,ip=…,ip6=…,mac-address=…,gw-priority=…"
    )
    var network: [String] = []
    @Option(
        name: [.customLong("network-alias"), .customLong("net-alias")], parsing: .unconditionalSingleValue,
        help: "Another name on the network") var networkAlias: [String] = []
    @Option(parsing: .unconditional, help: "IPv4 address on the network") var ip: String?
    @Option(parsing: .unconditional, help: "IPv6 address on the network") var ip6: String?
    @Option(name: .customLong("link-local-ip"), parsing: .unconditionalSingleValue, help: "Link-local address")
    var linkLocalIP: [String] = []
    @Option(parsing: .unconditional, help: "Hardware address of the interface") var macAddress: String?
    @Option(
        name: .shortAndLong, parsing: .unconditionalSingleValue,
        help: "Publish a port: [[ADDRESS:]HOSTPORT:]PORT[/tcp|udp|sctp], ranges too")
    var publish: [String] = []
    @Flag(name: [.customShort("P"), .long], help: "Publish every exposed port on a free one of the host")
    var publishAll = false
    @Option(name: .shortAndLong, parsing: .unconditional, help: "Host name of the container") var hostname: String?
    @Option(parsing: .unconditional, help: "NIS domain name of the container") var domainname: String?
    @Option(parsing: .unconditionalSingleValue, help: "Line for /etc/hosts, NAME:ADDRESS") var addHost: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "Name server") var dns: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "Search domain; . clears") var dnsSearch: [String] = []
    @Option(
        name: [.customLong("dns-option"), .customLong("dns-opt")], parsing: .unconditionalSingleValue,
        help: "Resolver option") var dnsOption: [String] = []
    @Option(
        parsing: .unconditionalSingleValue, help: "Port or range that the container listens on, without publishing it")
    var expose: [String] = []

    // MARK: Namespaces
    @Option(parsing: .unconditional, help: "Processes: host or container:NAME") var pid: String?
    @Option(parsing: .unconditional, help: "Shared memory: private, shareable, host, none or container:NAME") var ipc:
        String?
    @Option(parsing: .unconditional, help: "Host name namespace: host") var uts: String?
    @Option(parsing: .unconditional, help: "Control groups: private or host") var cgroupns: String?
    @Option(parsing: .unconditional, help: "User namespace: host, or auto for one with ids of its own") var userns:
        String?

    // MARK: Privileges
    @Flag(help: "All capabilities and devices, no filters") var privileged = false
    @Option(parsing: .unconditionalSingleValue, help: "Add a capability, or ALL") var capAdd: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "Drop a capability, or ALL") var capDrop: [String] = []
    @Option(
        parsing: .unconditionalSingleValue, help: "no-new-privileges, seccomp=FILE|unconfined, systempaths=unconfined")
    var securityOpt: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "Kernel parameter of a namespace, KEY=VALUE") var sysctl:
        [String] = []

    // MARK: Limits
    @Option(parsing: .unconditionalSingleValue, help: "Resource limit, NAME=SOFT[:HARD]") var ulimit: [String] = []
    @Option(name: .shortAndLong, parsing: .unconditional, help: "Most memory, e.g. 512m") var memory: String?
    @Option(parsing: .unconditional, help: "Most memory and swap together; -1 is unlimited") var memorySwap: String?
    @Option(parsing: .unconditional, help: "Memory to leave the container under pressure") var memoryReservation:
        String?
    @Option(parsing: .unconditional, help: "Processors, e.g. 1.5") var cpus: String?
    @Option(
        name: [.customShort("c"), .long], parsing: .unconditional,
        help: "Share of processor time, 2 to 262144; 1024 is normal")
    var cpuShares: UInt64?
    @Option(parsing: .unconditional, help: "Period of the processor quota in microseconds") var cpuPeriod: UInt64?
    @Option(parsing: .unconditional, help: "Processor quota in microseconds per period") var cpuQuota: Int64?
    @Option(parsing: .unconditional, help: "Processors that may be used, e.g. 0-2,4") var cpusetCpus: String?
    @Option(parsing: .unconditional, help: "Memory nodes that may be used") var cpusetMems: String?
    @Option(parsing: .unconditional, help: "Most processes; -1 is unlimited") var pidsLimit: Int64?
    @Option(parsing: .unconditional, help: "Preference of the out-of-memory killer, -1000 to 1000") var oomScoreAdj:
        Int?
}
