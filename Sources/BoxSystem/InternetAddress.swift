internal import Glibc

/// The written form of Internet addresses (inet_pton(3)).
package enum InternetAddress {
    package static func isValid(_ text: String) -> Bool {
        var bytes: (UInt64, UInt64) = (0, 0)
        return withUnsafeMutablePointer(to: &bytes) {
            inet_pton(AF_INET, text, $0) == 1 || inet_pton(AF_INET6, text, $0) == 1
        }
    }
}
