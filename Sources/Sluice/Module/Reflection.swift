/// Finds the parameters and states of a module by reflection, and names them by the properties that lead to them.
enum Reflection {
  /// Calls `visit` for every parameter and state in `value` with its path: `blocks.0.weight`.
  static func forEachCell(in value: Any, _ visit: (VariableCell, String) -> Void) {
    var walk = Walk()
    _ = walk.go(value, "") { cell, path in
      visit(cell, path)
      return false
    }
  }

  /// The first parameter or state in `value` with its path.
  static func firstCell(in value: Any) -> (cell: VariableCell, path: String)? {
    var walk = Walk()
    var found: (VariableCell, String)?
    _ = walk.go(value, "") { cell, path in
      found = (cell, path)
      return true
    }
    return found
  }

  /// One walk through a tree of properties.
  private struct Walk {
    /// The objects on the way, since classes may refer back.
    private var seen: Set<ObjectIdentifier> = []

    /// Goes through `value`; true as soon as `visit` is.
    mutating func go(_ value: Any, _ path: String, _ visit: (VariableCell, String) -> Bool) -> Bool {
      if let param = value as? Param { return visit(param.cell, path) }
      if let state = value as? State { return visit(state.cell, path) }
      if isLeaf(value) { return false }
      let mirror = Mirror(reflecting: value)
      switch mirror.displayStyle {
      case .class:
        guard seen.insert(ObjectIdentifier(value as AnyObject)).inserted else { return false }
        var ancestor = mirror.superclassMirror
        while let current = ancestor {
          if goChildren(current, path, visit) { return true }
          ancestor = current.superclassMirror
        }
        return goChildren(mirror, path, visit)
      case .struct, .tuple, .enum: return goChildren(mirror, path, visit)
      case .optional:
        // The child of an optional is called `some`, which is no name of the model's.
        guard let child = mirror.children.first else { return false }
        return go(child.value, path, visit)
      case .collection:
        for (position, child) in mirror.children.enumerated() {
          // A long array of numbers is not worth a walk.
          if position == 0, isLeaf(child.value) { return false }
          if go(child.value, join(path, "\(position)"), visit) { return true }
        }
        return false
      case .dictionary: return goDictionary(mirror, path, visit)
      default: return false
      }
    }

    private mutating func goChildren(
      _ mirror: Mirror, _ path: String, _ visit: (VariableCell, String) -> Bool
    ) -> Bool {
      for child in mirror.children where go(child.value, join(path, Self.name(child.label)), visit) {
        return true
      }
      return false
    }

    /// Entries in the order of their keys: a dictionary has none of its own.
    private mutating func goDictionary(
      _ mirror: Mirror, _ path: String, _ visit: (VariableCell, String) -> Bool
    ) -> Bool {
      let entries = mirror.children.compactMap { child -> (String, Any)? in
        let pair = Array(Mirror(reflecting: child.value).children)
        return pair.count == 2 ? ("\(pair[0].value)", pair[1].value) : nil
      }
      for (key, value) in entries.sorted(by: { $0.0 < $1.0 }) where go(value, join(path, key), visit) {
        return true
      }
      return false
    }

    private func isLeaf(_ value: Any) -> Bool {
      switch value {
      case is Tensor, is FunctionBuilder, is ModelBuilder, is Dim, is Shape, is Int, is Double, is Float,
        is Bool,
        is String, is UInt8, is Int32, is Int64:
        true
      default: false
      }
    }

    private func join(_ path: String, _ name: String) -> String {
      path.isEmpty ? name : name.isEmpty ? path : "\(path).\(name)"
    }

    /// The name of a property: `_weight` of a wrapper is `weight`, `.0` of a tuple is `0`.
    private static func name(_ label: String?) -> String {
      guard let label else { return "" }
      let lazyPrefix = "$__lazy_storage_$_"
      if label.hasPrefix(lazyPrefix) { return String(label.dropFirst(lazyPrefix.count)) }
      return label.hasPrefix("_") || label.hasPrefix(".") ? String(label.dropFirst()) : label
    }
  }
}
