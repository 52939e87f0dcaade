internal import Glibc

/// Where this process is (getcwd(3)).
package enum WorkingDirectory {
    /// An absolute path; `/` where it was removed.
    package static var path: String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}
