import SluiceIR

/// A call of a module that is going on, or something else that is a scope.
struct Call {
  /// The type of the module: `Linear`; nil for a scope that is no module.
  var typeName: String?
  /// The name of the innermost module among the parameters: `blocks.0.attention`; nil where it has none.
  var path: String?
  /// The names of the calls above and of this one: `gpt/blocks.0/attention`.
  var scope: String
  /// The same, interned.
  var scopeID: StringID
  /// Where it was called.
  var site: Site
  /// The same, interned.
  var location: LocationID
  /// The place of the last op of this call, for ops that do not know theirs.
  var lastSite: Site
  /// The module, for the outermost call: the names of parameters are those of its properties.
  var root: Any?
}

extension Trace {
  /// Enters a call of a module, and names its parameters if it is the first one.
  func enter(_ module: Any, typeName: String, at site: Site) {
    let outer = calls.last
    let isOutermost = !calls.contains { $0.typeName != nil }
    push(
      Call(
        typeName: typeName, path: nil, scope: outer?.scope ?? name, scopeID: .none, site: site,
        location: intern(site), lastSite: site, root: isOutermost ? module : nil))
    var path: String?
    if let found = Reflection.firstCell(in: module),
      let binding = binding(of: found.cell, at: site, reports: false)
    {
      path = Self.path(binding.name, without: found.path)
    }
    let top = calls.count - 1
    calls[top].path = path
    if let path, let outside = outer?.path, !Self.isInside(path, outside) {
      // A module of elsewhere: its scope does not say who calls it.
      calls[top].scope = Self.scope(path, in: name)
    } else {
      let step = path?.dropFirst(outer?.path?.utf8.count ?? 0) ?? typeName[...]
      calls[top].scope = Self.scope(step, in: outer?.scope ?? name)
    }
    calls[top].scopeID = builder.tables.strings.intern(calls[top].scope)
  }

  /// Enters a scope that is no module: `adamw`, `cross_entropy`.
  func enterScope(_ step: String, at site: Site) {
    enter(scope: Self.scope(step, in: calls.last?.scope ?? name), at: site)
  }

  /// Enters the same scope for a derivative of what is in it.
  func enterGradient(at site: Site) {
    enter(scope: ScopeMark.gradient.applied(to: calls.last?.scope ?? name), at: site)
  }

  private func enter(scope: String, at site: Site) {
    push(
      Call(
        typeName: nil, path: calls.last?.path, scope: scope, scopeID: builder.tables.strings.intern(scope),
        site: site, location: intern(site), lastSite: site, root: nil))
  }

  private func push(_ call: Call) {
    lastFile(call.site.file)
    calls.append(call)
  }

  /// What a closure gives, traced in a scope that is no module.
  static func scoped<Result, Failure: Error>(
    _ step: String, at site: Site, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    current?.enterScope(step, at: site)
    defer { current?.leave() }
    return try body()
  }

  /// Leaves the innermost call.
  func leave() { calls.removeLast() }

  /// `blocks.0` for the parameter `blocks.0.weight` that the module calls `weight`.
  private static func path(_ name: String, without suffix: String) -> String? {
    if name == suffix { return "" }
    return name.hasSuffix("." + suffix) ? String(name.dropLast(suffix.count + 1)) : nil
  }

  /// Whether `blocks.0.attention` is inside of `blocks.0`; everything is inside of the outermost module.
  private static func isInside(_ path: String, _ outer: String) -> Bool {
    outer.isEmpty || path == outer || path.hasPrefix(outer + ".")
  }

  /// `gpt/blocks.0/attention` for `blocks.0.attention` in `gpt`: numbers stay with the name before them, so that a
  /// module has one scope, whether the modules around it are called or their parts.
  private static func scope(_ step: some StringProtocol, in outer: String) -> String {
    step.split(separator: ".").reduce(outer) { scope, part in
      let isNumber = part.utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
      return scope + (isNumber ? "." : "/") + part
    }
  }

  // MARK: Locations

  /// Sets where the next nodes come from; nil for ops that do not know their place.
  func locate(_ site: Site?) {
    if let site {
      lastFile(site.file)
      if calls.isEmpty { lastSite = site } else { calls[calls.count - 1].lastSite = site }
    }
    builder.location = intern(site ?? calls.last?.lastSite ?? lastSite)
  }

  /// The location of a place in the innermost call: a place in one of our layers becomes that of its call.
  private func intern(_ site: Site) -> LocationID {
    let place = site.isInternal ? calls.last { !$0.site.isInternal }?.site ?? site : site
    return builder.tables.locations.intern(
      LocationTable.Location(
        file: builder.tables.strings.intern(place.file), line: UInt32(clamping: place.line),
        column: UInt32(clamping: place.column), scope: calls.last?.scopeID ?? nameID,
        parent: calls.last?.location ?? .none))
  }

  private func lastFile(_ file: String) {
    if files.last != file, !files.contains(file) { files.append(file) }
  }

  // MARK: Mistakes

  /// Reports a mistake at a place, or at the operator in the model's source that is running.
  ///
  /// A mistake that was reported with the same text at the same place, or with the same key, is reported once.
  func report(_ message: String, hint: String? = nil, at site: Site?, once key: String? = nil) {
    if let key, !reported.insert(key).inserted { return }
    let innermost = site ?? OperatorSite.current(knownFiles: files) ?? calls.last?.lastSite ?? lastSite
    var notes = hint.map { [Diagnostic.Note($0)] } ?? []
    // The place of the message is the model's own: the first one that is not in a layer of ours.
    var place = innermost
    for call in calls.reversed() {
      let isInternal = place.isInternal
      if isInternal { place = call.site }
      guard let typeName = call.typeName else { continue }
      let name = "in `\(typeName)` (\(call.scope))"
      notes.append(
        isInternal
          ? Diagnostic.Note(name)
          : Diagnostic.Note("\(name), called from here", at: Self.place(call.site)))
    }
    let diagnostic = Diagnostic(message, at: Self.place(place), notes: notes)
    let text = diagnostic.place.map { "\($0): \(message)" } ?? message
    if reported.insert(text).inserted { diagnostics.append(diagnostic) }
  }

  /// Notes something that is worth knowing, and no mistake.
  func remark(_ message: String, hint: String? = nil, at site: Site) {
    let notes = hint.map { [Diagnostic.Note($0)] } ?? []
    remarks.append(Diagnostic(.remark, message, at: Self.place(site), notes: notes))
  }

  private static func place(_ site: Site) -> Diagnostic.Place {
    Diagnostic.Place(file: site.file, line: site.line, column: site.column)
  }
}
