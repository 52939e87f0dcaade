package import BoxModel

/// What a user asks of a new container; nil and empty leave the image's word or the default.
package struct CreateRequest: Sendable {
    package var imageName: String
    package var name: ContainerName?
    package var platform: Platform?
    /// nil keeps the image's; an empty list clears it and its command.
    package var entrypoint: [String]?
    package var command: [String] = []
    /// `NAME=value`, already resolved against the caller's environment; `NAME` alone takes a variable away.
    package var environment: [String] = []
    package var workingDirectory: String?
    package var user: String?
    package var additionalGroups: [String] = []
    package var hostname: String?
    package var domainname: String?
    package var tty = false
    package var interactive = false
    package var detached = false
    package var autoRemove = false
    package var useInit = false
    package var stopSignal: String?
    package var stopTimeout: Int?
    package var labels: [String: String] = [:]
    package var annotations: [String: String] = [:]
    package var exposedPorts: [String] = []
    package var detachKeys: String?
    package var mounts: [Mount] = []
    package var readOnly = false
    package var shmSize: Int64?
    package var network = NetworkMode.isolated
    package var networks: ContainerNetworks?
    package var extraHosts: [String] = []
    package var dns: [String] = []
    package var dnsSearch: [String] = []
    package var dnsOptions: [String] = []
    package var pidMode = NamespaceMode.private
    package var ipcMode = NamespaceMode.private
    package var utsMode = NamespaceMode.private
    package var cgroupMode = NamespaceMode.private
    package var userMode = NamespaceMode.host
    package var privileged = false
    package var capabilitiesAdded: [String] = []
    package var capabilitiesDropped: [String] = []
    package var securityOptions: [String] = []
    package var devices: [DeviceRequest] = []
    package var sysctls: [String: String] = [:]
    package var ulimits: [RuntimeSpec.ResourceLimit] = []
    package var resources = ResourceRequest()
    package var oomScoreAdjustment: Int?

    package init(imageName: String) {
        self.imageName = imageName
    }
}
