// The names that a C file must not give to something else: words of the languages, names of the system's headers,
// and those that the file prints for itself.

import SluiceIR

/// Which names have a meaning already.
///
/// What the file prints for itself is collected from its templates, so nothing has to be kept in step. What belongs
/// to the languages and to POSIX are closed lists; a test compares them with the headers of the machine.
enum CVocabulary {
  /// Whether a name that stands alone could mean something else.
  ///
  /// That is a word of C or C++, a type of the system (`..._t`), or a macro. Macros are written in capitals (`EOF`, `M_OK`, `PRIu8`), but for the few in `words`.
  static func isTaken(_ name: String) -> Bool {
    if words.contains(name) || system.contains(name) || name.hasSuffix("_t") { return true }
    func isSmall(_ byte: UInt8) -> Bool { byte >= 0x61 && byte <= 0x7A }
    if name.utf8.count > 1, !name.utf8.contains(where: isSmall) { return true }
    return name.utf8.count > 2 && !name.utf8.prefix(3).contains(where: isSmall)
  }

  /// Whether a name at file level is one of the system's headers.
  static func isSystem(_ name: String) -> Bool {
    if system.contains(name) || words.contains(name) || name.hasSuffix("_t") { return true }
    // Relatives of functions of the C library: `strtok_r`, `isalpha_l`, `qsort_s`, `putc_unlocked`.
    let parts = name.split(separator: "_", omittingEmptySubsequences: false)
    return parts.count == 2 && ["r", "l", "s", "np", "unlocked"].contains(parts[1])
      && relatives.contains { parts[0].hasPrefix($0) }
  }

  private static func list(_ text: String) -> Set<String> {
    Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
  }

  /// Keywords of C23 and C++23, alternative tokens, and what compilers and standard headers define in small letters
  /// or as a single capital.
  static let words = list(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class
    compl concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype
    default defined delete do double dynamic_cast else enum explicit export extern false float for
    friend goto if import inline int long module mutable namespace new noexcept not not_eq nullptr operator or or_eq
    private protected public register reinterpret_cast requires restrict return short signed sizeof static
    static_assert static_cast struct switch template this thread_local throw true try typedef typeid typename typeof
    typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq
    complex imaginary noreturn unreachable I
    errno assert offsetof stdin stdout stderr setjmp va_arg va_copy va_end va_list va_start main
    linux unix i386 i486 i586 i686 vax sun sparc mips arm hppa pdp11 near far huge small pascal cdecl interrupt
    interface vector pixel basename h_addr
    """)

  /// What POSIX and the libraries of Linux, BSD and macOS declare at file level or define in small letters, unless it
  /// begins as one of `spaces` or ends in `_t`.
  static let system = list(
    """
    aligned_alloc atomic_compare_exchange_strong_explicit atomic_compare_exchange_weak_explicit
    atomic_exchange_explicit atomic_fetch_add_explicit atomic_fetch_and_explicit atomic_fetch_or_explicit
    atomic_fetch_sub_explicit atomic_fetch_xor_explicit atomic_flag_clear_explicit atomic_flag_test_and_set_explicit
    atomic_init atomic_load_explicit atomic_signal_fence atomic_store_explicit atomic_thread_fence arc4random_buf arc4random_uniform assert_perror at_quick_exit call_once canonicalize_file_name
    clock_adjtime clock_getcpuclockid clock_getres clock_gettime clock_nanosleep clock_settime close_range
    copy_file_range d_fileno drand48_data error_at_line error_message_count error_one_per_line error_print_progname
    explicit_bzero fd_mask fd_set file_handle fsconfig_command get_current_dir_name getaddrinfo_a getdate_err
    getopt_long getopt_long_only glob_pattern_p group_filter group_member group_req group_source_req h_errno
    hsearch_data iconv_close iconv_open if_freenameindex if_indextoname if_nameindex if_nametoindex in_addr in_pktinfo
    ip6_mtuinfo ip_mreq ip_mreq_source ip_mreqn ip_msfilter ip_opts ipc_perm ipv6_mreq iruserok_af jmp_buf
    kill_dependency link_map malloc_info malloc_stats malloc_trim malloc_usable_size malloc_zone math_errhandling
    memfd_create memory_order memory_order_acq_rel memory_order_acquire memory_order_consume memory_order_relaxed
    memory_order_release memory_order_seq_cst memset_explicit memset_s mount_attr mount_setattr move_mount msg_cbytes
    msqid_ds name_to_handle_at nl_catd nl_item nl_langinfo nl_langinfo_l no_argument on_exit once_flag
    open_by_handle_at open_memstream open_tree open_wmemstream optional_argument process_madvise process_mrelease
    process_vm_readv process_vm_writev program_invocation_name program_invocation_short_name quick_exit random_data
    rcmd_af remap_file_pages required_argument rexec_af rresvport_af ruserok_af secure_getenv semid_ds shmid_ds
    sigjmp_buf st_atime st_birthtime st_ctime st_mtime statx_timestamp sync_file_range sysv_signal timer_create
    timer_delete timer_getoverrun timer_gettime timer_settime timespec_get timespec_getres u_char u_int u_long u_short
    sa_handler sa_sigaction s6_addr s6_addr16 s6_addr32 sched_priority sigev_notify_attributes sigev_notify_function
    ifa_broadaddr ifa_dstaddr ifc_buf ifc_req ifr_addr ifr_bandwidth ifr_broadaddr ifr_data ifr_dstaddr ifr_flags
    ifr_hwaddr ifr_ifindex ifr_map ifr_metric ifr_mtu ifr_name ifr_netmask ifr_newname ifr_qlen ifr_slave
    si_addr si_addr_lsb si_arch si_band si_call_addr si_fd si_int si_lower si_overrun si_pid si_pkey si_ptr si_status
    si_stime si_syscall si_timerid si_uid si_upper si_utime si_value tv_sec tv_nsec
    La_x32_regs La_x32_retval L_ctermid L_cuserid L_tmpnam P_tmpdir
    """)

  /// How functions of the C library begin that have relatives with an underscore.
  private static let relatives = [
    "get", "put", "is", "to", "str", "wc", "mb", "mem", "gamma", "lgamma", "sig", "fe", "ff", "fg", "fi",
    "fp", "fr", "fw", "fc",
    "asctime", "clearerr", "ctime", "drand48", "ecvt", "erand48", "gmtime", "hcreate", "hdestroy", "hsearch",
    "initstate", "jrand48", "lcong48", "localtime", "lrand48", "mrand48", "nrand48", "ptsname", "qecvt",
    "qfcvt",
    "qsort", "rand", "readdir", "seed48", "setstate", "srand", "tmp", "ttyname", "twalk", "bsearch", "print",
    "scanf",
    "sprint", "snprint", "vprint", "vsprint", "vsnprint", "vfprint", "sscanf", "vsscanf", "vfscanf",
    "swprint", "vswprint",
  ]

  /// First words of the names of whole parts of the system (POSIX, 2.2.2, "The Name Space").
  ///
  /// A model of such a name gets a longer one, since any function of it may be there. `F_OK`, `R_OK`, `W_OK` and `X_OK` are macros.
  static let spaces = list(
    """
    aio atomic cmsg cnd dl dlfo epoll f fmaximum fminimum gai gnu ifa ifc ifr in6 in6addr inet inet6 la lio mm mq msg
    mtx obstack pkey posix pthread r re s6 sa sched sem shm si sigev sockaddr tcp thrd tss va w x
    """)

  /// Headers that a header of the same name would hide.
  static let headers = list(
    """
    aio alloca assert complex cpio ctype dirent dlfcn elf err errno error fcntl fenv float fmtmsg fnmatch ftw getopt
    glob grp iconv immintrin inttypes iso646 langinfo libgen limits link locale malloc math memory monetary mqueue ndbm
    netdb nl_types poll pthread pwd regex sched search semaphore setjmp signal spawn stdalign stdarg stdatomic stdbit
    stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string strings syslog tar termios tgmath threads time
    uchar ulimit unistd utime utmp utmpx values wait wchar wctype wordexp emmintrin xmmintrin arm_neon features
    """)

  // MARK: What the file prints for itself

  /// The names at file level without the model's prefix, and the macros without it.
  static let own: (names: Set<String>, macros: Set<String>) = {
    var own = marked(
      CHelper.all.map(\.text).joined(separator: "\n") + CPrelude.templates + CArithmetic.templates
        + CInterface.templates + CHeader.templates + CGeneric.templates + CPool.templates + CProfile.templates
        + CTables.templates
        + CSelfTest.templates)
    own.names.formUnion(CElementary.names)
    own.names.formUnion(CFold.names)
    return own
  }()

  /// The names behind `@` and `@@` in a template.
  private static func marked(_ template: String) -> (names: Set<String>, macros: Set<String>) {
    var found: (names: Set<String>, macros: Set<String>) = ([], [])
    for part in CTemplate.parts(template) {
      switch part {
      case .own(let name): found.names.insert(String(decoding: name, as: UTF8.self))
      case .macro(let name): found.macros.insert(String(decoding: name, as: UTF8.self))
      case .word, .other: continue
      }
    }
    return found
  }
}

/// A text with marks for what begins with the model's name: `@` for names, `@@` for macros.
enum CTemplate {
  /// A piece of a template.
  enum Part {
    case own(ArraySlice<UInt8>)
    case macro(ArraySlice<UInt8>)
    /// An identifier without a mark; the byte before it and the first one behind it that is no space.
    case word(ArraySlice<UInt8>, before: UInt8, behind: UInt8)
    case other(ArraySlice<UInt8>)
  }

  /// The pieces in order.
  static func parts(_ template: String) -> [Part] {
    let bytes = Array(template.utf8)
    var parts: [Part] = []
    var at = 0
    func end(of start: Int, _ isPart: (UInt8) -> Bool) -> Int {
      bytes[start...].firstIndex { !isPart($0) } ?? bytes.count
    }
    while at < bytes.count {
      let marks = bytes[at] == 0x40 ? (at + 1 < bytes.count && bytes[at + 1] == 0x40 ? 2 : 1) : 0
      let start = at + marks
      if marks == 0, !CText.isWordCharacter(bytes[at]) {
        let next = end(of: at) { $0 != 0x40 && !CText.isWordCharacter($0) }
        parts.append(.other(bytes[at..<next]))
        at = next
        continue
      }
      let next = end(of: start, CText.isWordCharacter)
      let name = bytes[start..<next]
      switch marks {
      case 1: parts.append(.own(name))
      case 2: parts.append(.macro(name))
      default:
        let behind = bytes[next...].first { $0 != 0x20 } ?? 0
        parts.append(.word(name, before: at > 0 ? bytes[at - 1] : 0, behind: behind))
      }
      at = next
    }
    return parts
  }

  /// The text with these beginnings.
  ///
  /// A local that begins with the prefix by accident gets an underscore at its end.
  static func expand(_ template: String, _ helpers: CHelpers) -> String {
    // Few models have a name with which a local can begin.
    guard template.contains(helpers.prefix) else {
      return template.replacing("@@", with: helpers.macroPrefix).replacing("@", with: helpers.prefix)
    }
    let start = Array(helpers.prefix.utf8)
    let type = Array("_t".utf8)
    var text: [UInt8] = []
    for part in parts(template) {
      switch part {
      case .own(let name): text += helpers.name(String(decoding: name, as: UTF8.self)).utf8
      case .macro(let name): text += helpers.macro(String(decoding: name, as: UTF8.self)).utf8
      case .other(let bytes): text += bytes
      case .word(let word, let before, let behind):
        text += word
        // Members, functions and types of the system stay as they are.
        let isLocal =
          before != 0x2E && before != 0x3E && behind != 0x28 && !word.reversed().starts(with: type.reversed())
        if isLocal, word.starts(with: start) { text.append(0x5F) }
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
