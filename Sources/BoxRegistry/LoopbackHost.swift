internal import BoxModel

/// Whether a host name means this machine, whatever a resolver says.
func isLoopback(host: String) -> Bool {
    host == "localhost" || host.hasSuffix(".localhost") || IPAddress(host)?.unmapped.isLoopback == true
}
