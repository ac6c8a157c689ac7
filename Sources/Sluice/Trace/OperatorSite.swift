import SluiceC

#if canImport(Runtime)
  import Runtime
#endif
#if canImport(Glibc)
  // A statically linked `Runtime` needs it in the same module.
  import Glibc
#endif

/// Finds the place of an operator in the model's source: operators cannot have `#line` as a default argument.
///
/// A backtrace costs 0.2 ms and a few more for the lines of every frame, so it is taken only when there is a mistake
/// to report.
enum OperatorSite {
  /// The innermost place on the stack that is not in this module, its layers apart; nil where it is not known.
  ///
  /// - Parameter knownFiles: Files as `#fileID` writes them, of which a path gets the name that fits.
  static func current(knownFiles: [String]) -> Site? {
    SharedLibrary.whileLoaded { search(knownFiles) }
  }

  private static func search(_ knownFiles: [String]) -> Site? {
    #if canImport(Runtime)
      // The place is a few frames away, so the stack is looked at in parts.
      let step = 4
      for offset in stride(from: 0, to: 64, by: step) {
        // The last of the frames says only that there are more.
        guard let part = try? Backtrace.capture(limit: step + 1, offset: offset, top: 0),
          let frames = part.symbolicated(options: [.showInlineFrames, .showSourceLocations])?.frames
        else { return nil }
        for frame in frames {
          guard let place = frame.symbol?.sourceLocation, place.line > 0 else { continue }
          if place.path == SharedLibrary.file { continue }
          if place.path.hasPrefix(ownFolder), !place.path.hasPrefix(ownFolder + "Layers/") { continue }
          return Site(fileID(place.path, knownFiles), place.line, place.column)
        }
      }
    #endif
    return nil
  }

  /// The folder of this module's sources, with a slash at the end.
  private static let ownFolder: String = {
    let file = #filePath
    return String(file.dropLast("Trace/OperatorSite.swift".count))
  }()

  /// `Module/File.swift` for a path.
  ///
  /// The path does not say the module, so this takes a known file with the same last component; else the folder
  /// below `Sources` or `Tests`; else the last folder.
  static func fileID(_ path: String, _ knownFiles: [String]) -> String {
    let parts = path.split(separator: "/")
    guard let file = parts.last, parts.count > 1 else { return path }
    let candidates = knownFiles.filter { $0.hasSuffix("/\(file)") }
    if let known = candidates.first(where: { parts.contains($0.prefix { $0 != "/" }) }) ?? candidates.first {
      return known
    }
    if let root = parts.dropLast(2).lastIndex(where: { $0 == "Sources" || $0 == "Tests" }) {
      return "\(parts[root + 1])/\(file)"
    }
    return "\(parts[parts.count - 2])/\(file)"
  }
}
