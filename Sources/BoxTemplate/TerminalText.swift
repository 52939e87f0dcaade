/// A text that cannot drive a terminal: control characters, escape sequences and characters that turn the direction of
/// writing appear as escapes such as `\x1b`.
///
/// With `keepsLayout` line feeds and tabs stay; without it they are escaped too, for text in one table cell.
package func sanitizedForTerminal(_ text: String, keepsLayout: Bool = true) -> String {
    // Nearly every text is clean, so look before copying.
    guard text.unicodeScalars.contains(where: { isHarmful($0, keepsLayout: keepsLayout) }) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
        guard isHarmful(scalar, keepsLayout: keepsLayout) else {
            result.unicodeScalars.append(scalar)
            continue
        }
        switch scalar {
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        default:
            result +=
                scalar.value < 0x100
                ? "\\x" + hexadecimal(scalar.value, digits: 2) : "\\u" + hexadecimal(scalar.value, digits: 4)
        }
    }
    return result
}

private func isHarmful(_ scalar: Unicode.Scalar, keepsLayout: Bool) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A: !keepsLayout
    case 0..<0x20, 0x7F..<0xA0: true
    // Line and paragraph separators, and the bidirectional controls.
    case 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
}
