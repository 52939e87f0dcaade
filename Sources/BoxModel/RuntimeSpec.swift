/// What the kernel will be told: the OCI runtime specification's `config.json`, as far as Linux needs it.
package struct RuntimeSpec: Hashable, Sendable, Codable {
    package var ociVersion = "1.2.0"
    package var process = Process()
    package var root = Root()
    package var hostname: String?
    package var domainname: String?
    /// In the order in which they are mounted.
    package var mounts: [Mount] = []
    package var linux = Linux()
    package var annotations: [String: String]?

    package init() {}

    package struct Process: Hashable, Sendable, Codable {
        package var terminal: Bool?
        package var user = User()
        package var args: [String] = []
        package var env: [String] = []
        package var cwd = "/"
        package var capabilities: Capabilities?
        package var rlimits: [ResourceLimit]?
        package var noNewPrivileges: Bool?
        package var oomScoreAdj: Int?

        package init() {}
    }

    package struct User: Hashable, Sendable, Codable {
        package var uid: UInt32 = 0
        package var gid: UInt32 = 0
        package var umask: UInt32?
        package var additionalGids: [UInt32]?

        package init() {}
    }

    /// Capability sets by the names of capabilities(7), with `CAP_`.
    package struct Capabilities: Hashable, Sendable, Codable {
        package var bounding: [String] = []
        package var effective: [String] = []
        package var inheritable: [String] = []
        package var permitted: [String] = []
        package var ambient: [String] = []

        package init() {}
    }

    /// A limit of setrlimit(2), such as `RLIMIT_NOFILE`; `UInt64.max` is unlimited.
    package struct ResourceLimit: Hashable, Sendable, Codable {
        package var type: String
        package var soft: UInt64
        package var hard: UInt64

        package init(type: String, soft: UInt64, hard: UInt64) {
            self.type = type
            self.soft = soft
            self.hard = hard
        }
    }

    package struct Root: Hashable, Sendable, Codable {
        /// Where the root file system is mounted on the host side before `pivot_root`.
        package var path = "rootfs"
        package var readonly: Bool?

        package init() {}
    }

    package struct Mount: Hashable, Sendable, Codable {
        package var destination: String
        package var type: String?
        package var source: String?
        /// Options of mount(8) and the specification: `ro`, `nosuid`, `rbind`, `rprivate`, `size=64m`.
        package var options: [String]?
        /// box's own: a path below `source`, whose content is not to be trusted; the mount comes from there.
        package var sourceSubpath: String?
        /// box's own: the process in whose mount namespace `source` is.
        package var sourceProcess: Int32?

        package init(destination: String, type: String?, source: String?, options: [String]? = nil) {
            self.destination = destination
            self.type = type
            self.source = source
            self.options = options
        }
    }

    package struct Linux: Hashable, Sendable, Codable {
        package var namespaces: [Namespace] = []
        package var uidMappings: [IDMapping]?
        package var gidMappings: [IDMapping]?
        package var devices: [Device]?
        /// Below the mount point of each hierarchy, such as `/box/ID`.
        package var cgroupsPath: String?
        package var resources: Resources?
        package var sysctl: [String: String]?
        package var seccomp: Seccomp?
        package var rootfsPropagation: String?
        package var maskedPaths: [String]?
        package var readonlyPaths: [String]?

        package init() {}
    }

    package struct Namespace: Hashable, Sendable, Codable {
        package enum Kind: String, Hashable, Sendable, Codable {
            case pid, network, mount, ipc, uts, user, cgroup, time
        }

        package var type: Kind
        /// An existing namespace to join; nil makes a new one.
        package var path: String?

        package init(_ type: Kind, path: String? = nil) {
            self.type = type
            self.path = path
        }
    }

    package struct IDMapping: Hashable, Sendable, Codable {
        package var containerID: UInt32
        package var hostID: UInt32
        package var size: UInt32

        package init(containerID: UInt32, hostID: UInt32, size: UInt32) {
            self.containerID = containerID
            self.hostID = hostID
            self.size = size
        }
    }

    package struct Device: Hashable, Sendable, Codable {
        package var path: String
        /// `c`, `b`, `u` or `p`.
        package var type: String
        package var major: Int64
        package var minor: Int64
        package var fileMode: UInt32?
        package var uid: UInt32?
        package var gid: UInt32?

        package init(path: String, type: String, major: Int64, minor: Int64, fileMode: UInt32? = nil) {
            self.path = path
            self.type = type
            self.major = major
            self.minor = minor
            self.fileMode = fileMode
        }
    }

    package struct Resources: Hashable, Sendable, Codable {
        package var devices: [DeviceRule]?
        package var memory: Memory?
        package var cpu: CPU?
        package var pids: PIDs?
        package var blockIO: BlockIO?

        package init() {}
    }

    package struct DeviceRule: Hashable, Sendable, Codable {
        package var allow: Bool
        package var type: String?
        package var major: Int64?
        package var minor: Int64?
        /// Of `r`, `w`, `m`.
        package var access: String?

        package init(
            allow: Bool, type: String? = nil, major: Int64? = nil, minor: Int64? = nil, access: String? = nil
        ) {
            self.allow = allow
            self.type = type
            self.major = major
            self.minor = minor
            self.access = access
        }
    }

    /// Bytes; -1 is unlimited.
    package struct Memory: Hashable, Sendable, Codable {
        package var limit: Int64?
        package var reservation: Int64?
        /// Memory plus swap, as in cgroup v1.
        package var swap: Int64?
        package var swappiness: UInt64?
        package var disableOOMKiller: Bool?

        package init() {}
    }

    package struct CPU: Hashable, Sendable, Codable {
        package var shares: UInt64?
        /// Microseconds per period.
        package var quota: Int64?
        /// Microseconds.
        package var period: UInt64?
        package var cpus: String?
        package var mems: String?

        package init() {}
    }

    package struct PIDs: Hashable, Sendable, Codable {
        package var limit: Int64

        package init(limit: Int64) {
            self.limit = limit
        }
    }

    package struct BlockIO: Hashable, Sendable, Codable {
        package var weight: UInt16?

        package init() {}
    }

    /// A system call filter as the specification writes it.
    package struct Seccomp: Hashable, Sendable, Codable {
        package var defaultAction: String
        package var defaultErrnoRet: UInt32?
        package var architectures: [String]?
        package var flags: [String]?
        package var syscalls: [Rule]?

        package init(defaultAction: String) {
            self.defaultAction = defaultAction
        }

        package struct Rule: Hashable, Sendable, Codable {
            package var names: [String]
            package var action: String
            package var errnoRet: UInt32?
            package var args: [Argument]?

            package init(names: [String], action: String) {
                self.names = names
                self.action = action
            }
        }

        package struct Argument: Hashable, Sendable, Codable {
            package var index: UInt32
            package var value: UInt64
            package var valueTwo: UInt64?
            package var op: String

            package init(index: UInt32, value: UInt64, valueTwo: UInt64? = nil, op: String) {
                self.index = index
                self.value = value
                self.valueTwo = valueTwo
                self.op = op
            }
        }
    }
}
