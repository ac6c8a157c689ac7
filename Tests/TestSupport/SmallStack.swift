/// Runs code on a thread with a small stack, where recursion over the depth of a graph cannot hide.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A closure that a thread takes over.
private final class Work {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Runs `body` on a stack of so many bytes and waits for it; false where no thread could be had.
package func onSmallStack(byteCount: Int = 256 << 10, _ body: @escaping @Sendable () -> Void) -> Bool {
  var attributes = pthread_attr_t()
  guard unsafe pthread_attr_init(&attributes) == 0 else { return false }
  defer { unsafe _ = pthread_attr_destroy(&attributes) }
  guard unsafe pthread_attr_setstacksize(&attributes, byteCount) == 0 else { return false }
  let work = unsafe Unmanaged.passRetained(Work(body))
  #if canImport(Darwin)
    var thread: pthread_t?
    let failure = unsafe pthread_create(
      &thread, &attributes,
      { pointer in
        unsafe Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    guard failure == 0, let thread = unsafe thread else { return false }
    return unsafe pthread_join(thread, nil) == 0
  #else
    var thread = pthread_t()
    let failure = unsafe pthread_create(
      &thread, &attributes,
      { pointer in
        if let pointer = unsafe pointer {
          unsafe Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body()
        }
        return nil
      }, work.toOpaque())
    return failure == 0 && pthread_join(thread, nil) == 0
  #endif
}
