import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ctrl-C and SIGTERM as a wish to stop soon: a long command looks at it between its steps.
enum Interruption {
  /// The signal that came; 0 for none.
  private static let signalNumber = Atomic<Int32>(0)

  /// Remembers these signals from now on, also where the parent had blocked them; the second one ends the process as
  /// it usually does.
  static func watch() {
    // Also makes the variable before a handler uses it.
    signalNumber.store(0, ordering: .relaxed)
    for number in [SIGINT, SIGTERM] {
      var action = sigaction()
      #if canImport(Darwin)
        unsafe action.__sigaction_u.__sa_handler = { Interruption.note($0) }
      #else
        unsafe action.__sigaction_handler.sa_handler = { Interruption.note($0) }
      #endif
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | Int32(SA_RESTART)
      unsafe sigaction(number, &action, nil)
    }
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    for number in [SIGINT, SIGTERM] { unsafe sigaddset(&signals, number) }
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  /// Lets the signals end the process again.
  static func end() {
    for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
  }

  private static func note(_ number: Int32) { signalNumber.store(number, ordering: .relaxed) }

  /// The signal that came; nil for none.
  static var received: Int32? {
    let number = signalNumber.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }
}
