//! Operators on every type, modifiers, missing values, what is refused.

use crate::support::check;

const NUMBERS: &str = r#"
# comparison of integers
proc.pid = 50 | open | true
proc.pid == 50 | open | true
proc.pid != 50 | open | false
proc.pid != 51 | open | true
proc.pid < 51 | open | true
proc.pid < 50 | open | false
proc.pid <= 50 | open | true
proc.pid > 49 | open | true
proc.pid > 50 | open | false
proc.pid >= 50 | open | true
proc.pid = 0x32 | open | true
proc.pid = 0X32 | open | true
proc.pid = '50' | open | true
proc.pid in (49, 50) | open | true
proc.pid in (49, 51) | open | false
proc.pid in () | open | false
proc.pid intersects (50) | open | true
proc.pid exists | open | true
not proc.pid exists | open | false
proc.pid = -50 | open | false
proc.pid > -50 | open | true
proc.pid >= 4294967295 | open | false
evt.rawres < 0 | failed | true
evt.rawres < -1 | failed | true
evt.rawres > -65535 | failed | true
evt.rawres > 4294967295 | failed | false
evt.rawres = -2 | failed | true
fd.num < 0 | failed | true
fd.num >= 0 | failed | false
fd.num = -1 | failed | true
fd.num <= 2 | failed | true
fd.num >= 0 | open | true
fd.num <= 2 | open | false
fd.num in (3, 4) | open | true
evt.num = 42 | open | true
proc.cmdnargs = 4 | open | true
proc.cmdlenargs = 13 | open | true
proc.duration = 1000000005 | open | true
proc.duration > 1.5 | open | refused: '1.5' is not an integer
proc.pid = 1e+3 | open | refused: not an integer
proc.pid = 99999999999999999999 | open | refused: not an integer
proc.pid = abc | open | refused: not an integer
proc.pid = '' | open | refused: not an integer
proc.pid = 0xZZ | open | refused: not an integer
proc.pid contains 5 | open | refused: not supported for integer
proc.pid startswith 5 | open | refused: not supported for integer
proc.pid endswith 0 | open | refused: not supported for integer
proc.pid glob 5* | open | refused: not supported for integer
proc.pid regex 5. | open | refused: not supported for integer
proc.pid icontains 5 | open | refused: not supported for integer
proc.pid pmatch (5) | open | refused: not supported for integer
proc.pid bcontains 50 | open | refused: not supported for integer
# modifiers on integers
proc.pid = oneof (50, 51) | open | true
proc.pid = oneof (50, 50) | open | false
proc.pid = anyof (50, 50) | open | true
proc.pid != allof (51, 52) | open | true
proc.pid != allof (50, 52) | open | false
# numbers with a fraction have no value here, but their constants are checked
proc.fdusage > 1.5 | open | false
proc.fdusage > a | open | refused: expected a number
thread.cpu = x | open | refused: 'x' is not a number
"#;

const BOOLEANS: &str = r#"
evt.is_open_write = true | open | true
evt.is_open_write = false | open | false
evt.is_open_write != true | open | false
evt.is_open_write != false | open | true
evt.is_open_write in (true) | open | true
evt.is_open_write in (true, false) | open | true
evt.is_open_write intersects (false) | open | false
evt.is_open_write exists | open | true
evt.is_open_write = anyof (false, true) | open | true
evt.is_open_write = 1 | open | refused: neither true nor false
evt.is_open_write = TRUE | open | refused: neither true nor false
evt.is_open_write contains true | open | refused: not supported for boolean
evt.is_open_write > 1 | open | refused: not supported for boolean
evt.is_open_write glob t* | open | refused: not supported for boolean
evt.failed = true | failed | true
evt.failed = true | open | false
evt.failed exists | attempt | false
"#;

const TEXTS: &str = r#"
proc.name = myexe | open | true
proc.name == myexe | open | true
proc.name = MYEXE | open | false
proc.name != bash | open | true
proc.name != myexe | open | false
proc.name = "myexe" | open | true
proc.name = 'myexe' | open | true
proc.name contains yex | open | true
proc.name contains '' | open | true
proc.name contains YEX | open | false
proc.name icontains YEX | open | true
proc.name icontains yEx | open | true
proc.name icontains z | open | false
proc.name startswith my | open | true
proc.name startswith '' | open | true
proc.name startswith exe | open | false
proc.name endswith exe | open | true
proc.name endswith '' | open | true
proc.name endswith my | open | false
proc.name in (bash, myexe) | open | true
proc.name in (bash) | open | false
proc.name in () | open | false
proc.name in (myexecutable, my) | open | false
proc.name intersects (myexe) | open | true
proc.name < n | open | refused: expected a number
proc.name >= 5 | open | true
proc.name < 5 | open | false
proc.name exists | open | true
proc.exepath contains "My App" | open | true
proc.exepath startswith '/opt/My App' | open | true
fd.name = /tmp/file_to_run | open | true
fd.nameraw = missing | failed | true
fd.name = /tmp/missing | failed | true
fd.directory = /tmp | open | true
fd.filename = file_to_run | open | true
proc.name bcontains 6d | open | refused: not supported for text
proc.name bstartswith 6d | open | refused: not supported for text
# shell patterns
proc.name glob my* | open | true
proc.name glob '*exe' | open | true
proc.name glob m?exe | open | true
proc.name glob m??exe | open | false
proc.name glob [l-n]yexe | open | true
proc.name glob [!a-l]yexe | open | true
proc.name glob [!l-n]yexe | open | false
proc.name glob [^a]yexe | open | true
proc.name glob MY* | open | false
proc.name iglob MY* | open | true
proc.name iglob M[X-Z]EXE | open | true
proc.name iglob N* | open | false
fd.name glob /tmp/* | open | true
fd.name glob /opt/* | deep | true
fd.name glob '/opt/*.txt' | deep | true
fd.name glob /opt/*/file.txt | deep | true
fd.name glob /opt | deep | false
proc.name glob 'my\*' | open | refused: unknown escape
proc.name glob my\* | open | false
# regular expressions fit the whole text
fd.name regex '/tmp/.*' | open | true
fd.name regex tmp | open | false
fd.name regex '.*tmp.*' | open | true
fd.name regex '/(tmp|var)/[a-z_]+' | open | true
fd.name regex '/tmp/[[:alpha:]_]+' | open | true
fd.name regex '/tmp/.{11}' | open | true
fd.name regex '/tmp/.{12}' | open | false
fd.name regex '/tmp/.{2,}' | open | true
fd.name regex '^/tmp/file_to_run$' | open | true
fd.name regex '/tmp|/tmp/file_to_run' | open | true
fd.name regex '' | open | false
fd.name regex "/tmp/\\w+" | open | refused: not POSIX
fd.name regex '(?i)/TMP/.*' | open | refused: not POSIX
fd.name regex '/tmp/.*?' | open | true
fd.name regex '/tmp/.+?' | open | true
fd.name regex '/tmp/[^/]{3,20}' | open | true
fd.name regex 'a{1001}' | open | refused: repeats more than 1000
fd.name regex '(' | open | refused: invalid regular expression
fd.name regex '[a' | open | refused: invalid regular expression
fd.name regex '((a{1000}){1000}){1000}' | open | refused: too large
# path prefixes by component
fd.name pmatch (/opt/dir) | deep | true
fd.name pmatch (/opt/dir/) | deep | true
fd.name pmatch (/opt/dir/subdir) | deep | true
fd.name pmatch (/opt/dir/subdir/file.txt) | deep | true
fd.name pmatch (/opt/dir/subdir/file.txt/more) | deep | false
fd.name pmatch (/opt/dir2) | deep | false
fd.name pmatch (/opt/di) | deep | false
fd.name pmatch (/opt/dir, /opt/dir2) | deep | true
fd.name pmatch (/opt/dir3, /opt/dir2) | deep | false
fd.name pmatch (/opt/*) | deep | true
fd.name pmatch (/opt/*/subdir) | deep | true
fd.name pmatch (/opt/*/subdir2) | deep | false
fd.name pmatch (/opt/di?/subdir) | deep | true
fd.name pmatch (/opt/dii?/subdir) | deep | false
fd.name pmatch (/opt/di[r]/subdir) | deep | true
fd.name pmatch (/opt/di[!r]/subdir) | deep | false
fd.name pmatch (/opt/di[t]/subdir) | deep | false
fd.name pmatch (/opt/*/*) | deep | true
fd.name pmatch (/opt/*/*/subsubdir) | deep | false
fd.name pmatch () | deep | false
"#;

const MODIFIERS: &str = r#"
proc.name = oneof (myexe, bash) | open | true
proc.name = oneof (myexe) | open | true
proc.name = oneof (bash, sh) | open | false
proc.name = oneof (myexe, myexe) | open | false
proc.name = anyof (myexe, bash) | open | true
proc.name = anyof (bash, sh) | open | false
proc.name = anyof (myexe, myexe) | open | true
proc.name = allof (myexe) | open | true
proc.name = allof (myexe, bash) | open | false
proc.name = allof (myexe, myexe) | open | true
proc.name != oneof (myexe, myexe, bash) | open | true
proc.name != oneof (myexe, myexe) | open | false
proc.name != oneof (bash, sh) | open | false
proc.name != oneof (myexe, bash) | open | true
proc.name != anyof (bash, sh) | open | true
proc.name != anyof (myexe, bash) | open | true
proc.name != anyof (myexe) | open | false
proc.name != allof (bash, sh) | open | true
proc.name != allof (myexe, bash) | open | false
proc.name contains oneof (myex, bash) | open | true
proc.name contains oneof (my, exe) | open | false
proc.name contains anyof (my, exe) | open | true
proc.name contains allof (my, exe) | open | true
proc.name contains allof (my, bash) | open | false
proc.name icontains anyof (MYEX, BASH) | open | true
proc.name icontains oneof (MY, EXE) | open | false
proc.name icontains allof (MY, EXE) | open | true
proc.name startswith oneof (my, mye) | open | false
proc.name startswith anyof (my, mye) | open | true
proc.name startswith allof (my, mye) | open | true
proc.name startswith allof (my, bash) | open | false
proc.name endswith oneof (exe, sh) | open | true
proc.name endswith allof (exe, yexe) | open | true
proc.name endswith anyof (sh, bash) | open | false
proc.name glob oneof (my*, *exe) | open | false
proc.name glob anyof (my*, bash) | open | true
proc.name glob allof (my*, *exe) | open | true
proc.name iglob anyof (MY*, BASH) | open | true
proc.name iglob oneof (BASH, SH*) | open | false
proc.name regex oneof (my.*, .*exe) | open | false
proc.name regex anyof (my.*, b.*) | open | true
proc.name regex allof (my.*, .*exe) | open | true
# nothing compares with an empty list
proc.name = oneof () | open | false
proc.name = anyof () | open | false
proc.name = allof () | open | false
proc.name != oneof () | open | false
proc.name != anyof () | open | false
proc.name != allof () | open | false
# a word that only looks like a modifier is a value
proc.name = anyof | open | false
proc.name != oneof | open | true
proc.name in anyof (a) | open | refused: expected 'and'
proc.pid < oneof (60) | open | refused: expected a number
proc.name = oneof (myexe) and proc.name != allof (bash, sh) | open | true
toupper(proc.name) = oneof (MYEXE, BASH) | open | true
toupper(proc.name) != allof (MYEXE, BASH) | open | false
"#;

const ADDRESSES: &str = r#"
fd.sip = 142.251.111.147 | connect4 | true
fd.sip = 142.251.111.148 | connect4 | false
fd.sip != 142.251.111.148 | connect4 | true
fd.sip in (1.1.1.1, 142.251.111.147) | connect4 | true
fd.sip intersects (142.251.111.147) | connect4 | true
fd.cip = 10.1.2.3 | connect4 | true
fd.lip = 10.1.2.3 | connect4 | true
fd.rip = 142.251.111.147 | connect4 | true
# without a side letter: either end, and != means neither
fd.ip = 142.251.111.147 | connect4 | true
fd.ip = 10.1.2.3 | connect4 | true
fd.ip != 10.1.2.3 | connect4 | false
fd.ip != 192.0.2.1 | connect4 | true
fd.ip in (10.1.2.3) | connect4 | true
fd.ip exists | connect4 | true
fd.ip exists | open | false
# the other family never compares
fd.sip = ::1 | connect4 | false
fd.sip != ::1 | connect4 | true
fd.sip = 127.0.0.1 | connect6 | false
fd.sip != 127.0.0.1 | connect6 | true
fd.sip = 2001:4860:4860::8888 | connect6 | true
fd.sip = 2001:4860:4860:0:0:0:0:8888 | connect6 | true
fd.ip = 2001:db8::1 | connect6 | true
fd.ip != 2001:db8::1 | connect6 | false
# IPv4 written as IPv6 is IPv4
fd.sip = 192.0.2.7 | mapped | true
fd.snet = 192.0.2.0/24 | mapped | true
# networks
fd.net = 142.0.0.0/8 | connect4 | true
fd.net = 142.251.111.0/16 | connect4 | true
fd.net = 10.0.0.0/8 | connect4 | true
fd.net != 10.0.0.0/8 | connect4 | false
fd.net != 192.168.0.0/16 | connect4 | true
fd.net in (192.168.0.0/16, 142.0.0.0/8) | connect4 | true
fd.snet = 10.0.0.0/8 | connect4 | false
fd.cnet = 10.0.0.0/8 | connect4 | true
fd.lnet = 10.0.0.0/8 | connect4 | true
fd.rnet in (10.0.0.0/8, 142.251.0.0/16) | connect4 | true
fd.snet = 0.0.0.0/0 | connect4 | true
fd.snet = 142.251.111.147/32 | connect4 | true
fd.snet = 142.251.111.147 | connect4 | true
fd.snet = 2001:4860::/32 | connect6 | true
fd.snet = 2001:4860:4860::8888/128 | connect6 | true
fd.snet = 2001:4861::/32 | connect6 | false
fd.snet = ::/0 | connect6 | true
fd.net = 10.0.0.0/8 | connect6 | false
fd.net != 10.0.0.0/8 | connect6 | true
fd.sip = 10.0.0.0/8 | connect4 | refused: is a network
fd.sip = example.com | connect4 | refused: not an IP address
fd.sip = 1.2.3 | connect4 | refused: not an IP address
fd.snet = 10.0.0.0/33 | connect4 | refused: not a network
fd.snet = ::/129 | connect4 | refused: not a network
fd.snet = nowhere | connect4 | refused: not a network
fd.sip contains 142 | connect4 | refused: not supported for address
fd.sip > 1 | connect4 | refused: not supported for address
fd.snet startswith 10 | connect4 | refused: not supported for network
fd.sip regex '1.*' | connect4 | refused: not supported for address
"#;

const PORTS: &str = r#"
fd.sport = 443 | connect4 | true
fd.sport = https | connect4 | true
fd.sport = http | connect4 | false
fd.sport != http | connect4 | true
fd.sport in (http, https) | connect4 | true
fd.sport < 1024 | connect4 | true
fd.sport >= 1024 | connect4 | false
fd.cport > 1024 | connect4 | true
fd.lport = 54321 | connect4 | true
fd.rport = https | connect4 | true
fd.port = 443 | connect4 | true
fd.port = 54321 | connect4 | true
fd.port != 443 | connect4 | false
fd.port != 22 | connect4 | true
fd.port in (ssh, https) | connect4 | true
fd.port < 1000 | connect4 | true
fd.port > 50000 | connect4 | true
fd.proto = https | connect4 | true
fd.sproto = 443 | connect4 | true
fd.sproto = https | connect4 | false
fd.rport = domain | connect6 | true
fd.sport = http-alt | mapped | true
fd.sport = nosuchservice | connect4 | refused: neither a port number nor a known service
fd.sport = 65536 | connect4 | refused: not a port number
fd.sport = -1 | connect4 | refused: neither a port number
fd.sport = 0x50 | connect4 | refused: neither a port number
fd.sport contains 44 | connect4 | refused: not supported for port
"#;

const BYTES: &str = r#"
evt.buffer contains hello | receive | true
evt.buffer contains world | receive | true
evt.buffer contains nothing | receive | false
evt.buffer startswith hello | receive | true
evt.buffer startswith ello | receive | false
evt.buffer endswith world | receive | true
evt.buffer endswith hello | receive | false
evt.buffer = hello | receive | false
evt.buffer != hello | receive | true
evt.buffer in (hello) | receive | false
evt.buffer bcontains 68656c6c6f | receive | true
evt.buffer bcontains 656c6C | receive | true
evt.buffer bcontains 6f00ff77 | receive | true
evt.buffer bcontains 00ff | receive | true
evt.buffer bcontains 00fe | receive | false
evt.buffer bstartswith 68 | receive | true
evt.buffer bstartswith 68656C6C6F00 | receive | true
evt.buffer bstartswith 65 | receive | false
evt.buffer bcontains anyof (00fe, 00ff) | receive | true
evt.buffer bcontains allof (68, 77) | receive | true
evt.buffer exists | receive | true
evt.buffer exists | open | false
evt.buffer contains hello | open | false
evt.rawarg.data bcontains 68656c6c6f | receive | true
evt.rawarg.data contains hello | receive | true
evt.buffer bcontains 2 | receive | refused: not a hexadecimal string
evt.buffer bcontains 2g | receive | refused: not a hexadecimal string
evt.buffer bstartswith abc_1 | receive | refused: not a hexadecimal string
evt.buffer icontains HELLO | receive | refused: not supported for bytes
evt.buffer glob h* | receive | refused: not supported for bytes
evt.buffer regex h.* | receive | refused: not supported for bytes
evt.buffer pmatch (/a) | receive | refused: not supported for bytes
evt.buffer > 5 | receive | refused: not supported for bytes
evt.buflen = 12 | receive | true
evt.buflen.in = 12 | receive | true
evt.buflen.out = 12 | receive | false
evt.buflen.net.in > 10 | receive | true
evt.buflen.file > 0 | receive | false
evt.is_io = true and evt.is_io_read = true and evt.io_dir = read | receive | true
evt.is_io_write = true | receive | false
evt.is_io = true | open | false
"#;

const MISSING: &str = r#"
# a comparison without a value is false, whatever the operator
fd.name = x | exec | false
fd.name != x | exec | false
not fd.name = x | exec | true
not fd.name != x | exec | true
fd.name exists | exec | false
not fd.name exists | exec | true
fd.name contains '' | exec | false
fd.name in (x) | exec | false
fd.name glob * | exec | false
fd.name regex .* | exec | false
fd.name pmatch (/) | exec | false
fd.num < 0 | exec | false
fd.num >= 0 | exec | false
fd.sip != 1.1.1.1 | open | false
fd.net != 1.1.1.1 | open | false
k8s.ns.name != kube-system | open | false
not k8s.ns.name = kube-system | open | true
evt.rawres exists | attempt | false
evt.rawres < 0 | attempt | false
not evt.rawres < 0 | attempt | true
# an attempt of an open satisfies what asks whether it worked
fd.num >= 0 | attempt | true
fd.num <= 2 | attempt | false
proc.name = val(fd.name) | exec | false
proc.name != val(fd.name) | exec | false
tolower(fd.name) exists | exec | false
len(fd.name) >= 0 | exec | false
"#;

const ANCESTORS: &str = r#"
proc.aname = bash | open | true
proc.aname = init | open | true
proc.aname = myexe | open | false
proc.aname in (myexe, init) | open | true
proc.aname in (myexe) | open | false
proc.aname != bash | open | true
proc.aname[0] = myexe | open | true
proc.aname[1] = bash | open | true
proc.aname[2] = init | open | true
proc.aname[3] exists | open | false
proc.aname exists | open | true
proc.aname startswith ba | open | true
proc.aname contains oneof (as, in) | open | true
proc.apid = 1 | open | true
proc.apid[1] = 40 | open | true
proc.apid = 50 | open | false
proc.aexe = -bash | open | true
proc.aexepath endswith bash | open | true
proc.aexepath[1] = /usr/bin/bash | open | true
proc.acmdline = 'bash --login' | open | true
proc.aargs contains login | open | true
proc.aargs[1] = --login | open | true
proc.aenv contains TOKEN | open | true
proc.aenv[TOKEN] = from-bash | open | true
proc.aenv[HOME] exists | open | false
proc.aenv[1] contains TOKEN | open | true
proc.env[HOME] = /root | open | true
proc.env[EMPTY] exists | open | true
proc.env[NONE] exists | open | false
proc.env contains 'HOME=/root' | open | true
proc.pname = bash and proc.pexepath = /usr/bin/bash and proc.ppid = 40 | open | true
proc.aname[x] = a | open | refused: must be a number
proc.aname = val(proc.pname) | open | refused: several values
proc.pname = val(proc.aname[1]) | open | refused: cannot stand on the right side
tolower(proc.aname) = bash | open | refused: cannot stand in a transformer
"#;

const PAIRS: &str = r#"
proc.pname = val(proc.name) | open | false
proc.pname != val(proc.name) | open | true
proc.exepath contains val(proc.name) | open | true
proc.exepath endswith val(proc.name) | open | true
proc.exe endswith val(proc.name) | open | true
proc.name startswith val(proc.name) | open | true
proc.name icontains toupper(proc.name) | open | true
proc.name glob val(proc.name) | open | true
proc.name in val(proc.name) | open | true
proc.vpid = val(proc.pid) | open | true
proc.pid > val(proc.ppid) | open | true
proc.pid <= val(proc.ppid) | open | false
proc.pid = val(proc.sid) | open | false
proc.pid = val(proc.pgid) | open | true
fd.sport = val(fd.cport) | connect4 | false
fd.sport < val(fd.cport) | connect4 | true
fd.sip = val(fd.rip) | connect4 | true
fd.sip = val(fd.cip) | connect4 | false
evt.is_open_read = val(evt.is_open_write) | open | true
tolower(proc.name) = tolower(proc.name) | open | true
len(proc.name) = len(proc.name) | open | true
len(proc.name) < len(proc.exepath) | open | true
proc.name = proc.name | open | false
proc.pid = val(evt.num) | open | refused: must be of one type
proc.name = val(proc.pid) | open | refused: must be of one type
proc.name = val(evt.is_wait) | open | refused: must be of one type
evt.buflen.in = val(evt.around[1]) | open | refused: cannot stand on the right side
evt.around[1] = val(evt.buflen.in) | open | refused: cannot stand on the left side
fd.ip = val(fd.sip) | connect4 | refused: several values
fd.snet = val(fd.cip) | connect4 | refused: takes no field
proc.name regex val(proc.name) | open | refused: takes no field
proc.name pmatch val(proc.name) | open | refused: takes no field
val(proc.name) = myexe | open | refused: val() stands only
proc.name = val(tolower(proc.name)) | open | refused: expected a field
proc.name = val(proc.name, proc.pname) | open | refused: expected ')'
"#;

const EVENTS: &str = r#"
evt.type = openat | open | true
evt.type != openat | open | false
evt.type in (open, openat, openat2) | open | true
syscall.type = openat | open | true
evt.type startswith open | open | true
evt.type.is.openat = 1 | open | true
evt.type.is.open = 1 | open | false
evt.dir = < | open | true
evt.category = file | open | true
evt.category = net | connect4 | true
evt.category = process | exec | true
evt.arg.flags contains O_CREAT | open | true
evt.arg.flags = O_CREAT|O_RDWR | open | true
evt.rawarg.flags = 66 | open | true
evt.rawarg.mode = 493 | open | true
evt.rawarg.name = /tmp/file_to_run | open | true
evt.arg.name = /tmp/missing | failed | true
evt.arg[0] = 3 | open | true
evt.arg[1] = -100 | open | true
evt.arg[2] = /tmp/file_to_run | open | true
evt.arg[9] exists | open | false
evt.arg.fd = 3 | open | true
evt.arg.res = ENOENT | failed | true
evt.res = ENOENT | failed | true
evt.res = SUCCESS | open | true
evt.is_open_exec = true and evt.is_open_create = true | open | true
evt.abspath = /tmp/file_to_run | open | true
evt.abspath.src = /opt/a and evt.abspath.dst = /etc/b | rename | true
fs.path.source = /opt/a and fs.path.target = /etc/b and fs.path.sourceraw = a | rename | true
fs.path.name = /tmp/file_to_run | open | true
evt.around[1700000001000000000] = 1 | open | true
evt.around[1700000002000000000] = 1 | open | false
evt.around[1700000002000000000] = 1000 | open | true
evt.around[1] > 1 | open | refused: takes only '='
evt.count = 1 and evt.count.exit = 1 and evt.count.error = 0 | open | true
evt.count.error = 1 and evt.count.error.file = 1 | failed | true
evt.count.error.net exists | failed | false
evt.latency = 0 and evt.latency.human = 0ns | open | true
evt.type = nosuchcall | open | refused: unknown event type
evt.type in (open, nosuchcall) | open | refused: unknown event type
toupper(evt.rawarg.res) = A | open | refused: cannot stand in a transformer
"#;

const PLACES: &str = r#"
proc.sname = bash and proc.sid.exe = -bash and proc.sid.exepath = /usr/bin/bash | open | true
proc.pgid.name = myexe and proc.is_pgid_leader = true | open | true
proc.vpgid = 50 and proc.vpgid.name = myexe and proc.is_vpgid_leader = true | open | true
proc.is_sid_leader = true | open | false
proc.loginshellid = 40 | open | true
proc.exe_ino = 77 and proc.exe_ino.mtime = 5 | open | true
proc.exe_ino.ctime_duration_proc_start = 1000000000 | open | true
proc.exe_ino.ctime_duration_pidns_start = 1000000000 | open | true
proc.is_exe_upper_layer = true and proc.is_exe_lower_layer = false | open | true
proc.stdin.type = ipv4 and proc.stdout.name = /dev/null | open | true
proc.stderr.type exists | open | false
thread.cap_effective = 'CAP_CHOWN CAP_DAC_OVERRIDE' | open | true
thread.cap_permitted = CAP_SYS_ADMIN and thread.cap_inheritable = '' | open | true
thread.nametid = myexe50 and thread.ismain = true and thread.vtid = 50 | open | true
user.uid = 0 and user.name = root and user.loginuid = -1 | open | true
user.loginname exists | open | false
user.homedir = /root and user.shell = /bin/ash | open | true
group.gid = 7 and group.name = lp | open | true
container.id = abc-123 and container.id != host | open | true
container.image.repository = registry:5000/team/nginx and container.image.tag = 1.27 | open | true
container.privileged = false and container.type = fargate | open | true
container.start_ts = 1699999998000000000 and container.duration = 3000000005 | open | true
container.label.app = shop and container.label[app] = shop | open | true
container.label.none exists | open | false
container.labels = 'app:shop, empty' | open | true
container.mounts = '/var/lib/data:/data:ro:true:rprivate,/proc/sys:/host/proc:ro:false:rprivate' | open | true
container.mount[0] startswith /var/lib/data:/data | open | true
container.mount[/proc/*] = /proc/sys:/host/proc:ro:false:rprivate | open | true
container.mount.dest[/proc*] = /host/proc | open | true
container.mount.dest[/etc*] exists | open | false
container.mount.source[/data] = /var/lib/data | open | true
container.mount.rdwr[0] = true and container.mount.rdwr[1] = false | open | true
container.mount.mode[1] = ro and container.mount.propagation[1] = rprivate | open | true
fd.uid = 503 and fd.containername = abc-123:/tmp/file_to_run | open | true
fd.containerdirectory = abc-123:/tmp | open | true
fd.dev = 0x8000fe and fd.dev.major = 8 and fd.dev.minor = 254 and fd.ino = 1234 | open | true
fd.sockfamily = ip and fd.l4proto = tcp and fd.is_server = false | connect4 | true
fd.connected = true and fd.name_changed = true | connect4 | true
ecs.cluster = prod and ecs.cluster.arn = arn:aws:ecs:eu-west-1:111122223333:cluster/prod | open | true
ecs.task.family = web and ecs.task.definition = web:9 and ecs.task.id = abc | open | true
ecs.launch_type = FARGATE and ecs.container.name = nginx and ecs.region = eu-west-1 | open | true
ecs.service exists or ecs.exec_session exists | open | false
"#;

#[test]
fn numbers_and_booleans() {
    assert!(check(NUMBERS) + check(BOOLEANS) >= 70);
}

#[test]
fn texts_patterns_and_paths() {
    assert!(check(TEXTS) >= 90);
}

#[test]
fn modifiers() {
    assert!(check(MODIFIERS) >= 50);
}

#[test]
fn addresses_networks_and_ports() {
    assert!(check(ADDRESSES) + check(PORTS) >= 75);
}

#[test]
fn bytes() {
    assert!(check(BYTES) >= 40);
}

#[test]
fn missing_values() {
    assert!(check(MISSING) >= 26);
}

#[test]
fn ancestors() {
    assert!(check(ANCESTORS) >= 35);
}

#[test]
fn fields_against_fields() {
    assert!(check(PAIRS) >= 35);
}

#[test]
fn the_call_and_its_place() {
    assert!(check(EVENTS) + check(PLACES) >= 80);
}
