//! Check 425 judged by keys that the tools which write them made, and by what resembles keys.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot prepare its files fails")]

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use fargard_model::bounded;
use fargard_scan::{CHECK_425, Limits, Selection, keys, scan};

/// A labelled file: whether it holds a private key, and whether that is encrypted.
struct Labelled {
    path: PathBuf,
    is_key: bool,
}

struct Corpus {
    directory: PathBuf,
    files: Vec<Labelled>,
}

fn works(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl Corpus {
    /// Runs a shell command in the corpus's directory.
    fn run(&self, command: &str) {
        let output = Command::new("sh").args(["-ec", command]).current_dir(&self.directory).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a command that writes a file with a key, or without.
    fn made(&mut self, is_key: bool, name: &str, command: &str) {
        self.run(command);
        self.files.push(Labelled { path: self.directory.join(name), is_key });
    }

    fn written(&mut self, is_key: bool, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.directory.join(name), content).unwrap();
        self.files.push(Labelled { path: self.directory.join(name), is_key });
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(bounded::read(&self.directory.join(name), 1 << 20).unwrap()).unwrap()
    }
}

fn by_openssl(corpus: &mut Corpus) {
    for (name, command) in [
        ("rsa.pem", "openssl genrsa -traditional -out rsa.pem 2048"),
        ("rsa8.pem", "openssl genpkey -algorithm RSA -out rsa8.pem"),
        ("ec.pem", "openssl ecparam -name prime256v1 -genkey -noout -out ec.pem"),
        ("ec-params.pem", "openssl ecparam -name secp384r1 -genkey -out ec-params.pem"),
        ("ec521.pem", "openssl ecparam -name secp521r1 -genkey -noout -out ec521.pem"),
        ("ed25519.pem", "openssl genpkey -algorithm ED25519 -out ed25519.pem"),
        ("ed448.pem", "openssl genpkey -algorithm ED448 -out ed448.pem"),
        ("x25519.pem", "openssl genpkey -algorithm X25519 -out x25519.pem"),
        ("dsa.pem", "openssl dsaparam -genkey -out dsa.pem 1024"),
        ("rsa-enc.pem", "openssl rsa -in rsa.pem -aes128 -traditional -passout pass:x -out rsa-enc.pem"),
        ("ec-enc.pem", "openssl ec -in ec.pem -aes256 -passout pass:x -out ec-enc.pem"),
        ("rsa8-enc.pem", "openssl pkcs8 -topk8 -in rsa.pem -passout pass:x -out rsa8-enc.pem"),
        ("ed-enc.pem", "openssl pkcs8 -topk8 -in ed25519.pem -scrypt -passout pass:x -out ed-enc.pem"),
        (
            "rsa-3des.pem",
            "openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -in rsa.pem -passout pass:x -out rsa-3des.pem",
        ),
        ("rsa.der", "openssl rsa -in rsa.pem -outform DER -traditional -out rsa.der"),
        ("rsa8.der", "openssl pkcs8 -topk8 -nocrypt -in rsa.pem -outform DER -out rsa8.der"),
        ("rsa8-enc.der", "openssl pkcs8 -topk8 -in rsa.pem -passout pass:x -outform DER -out rsa8-enc.der"),
        ("ec.der", "openssl ec -in ec.pem -outform DER -out ec.der"),
        ("ed25519.der", "openssl pkey -in ed25519.pem -outform DER -out ed25519.der"),
        (
            "self.pem",
            "openssl req -x509 -newkey rsa:2048 -nodes -keyout self.key -out self.crt -subj /CN=a; cat self.crt self.key > self.pem",
        ),
        ("store.p12", "openssl pkcs12 -export -in self.crt -inkey self.key -passout pass:x -out store.p12"),
        (
            "plain.p12",
            "openssl pkcs12 -export -keypbe NONE -certpbe NONE -nomaciter -in self.crt -inkey self.key -passout pass: -out plain.p12",
        ),
    ] {
        corpus.made(true, name, command);
    }
    for (name, command) in [
        ("rsa.pub", "openssl rsa -in rsa.pem -pubout -out rsa.pub"),
        ("ec.pub", "openssl ec -in ec.pem -pubout -out ec.pub"),
        ("only.crt", "cp self.crt only.crt"),
        ("cert.der", "openssl x509 -in self.crt -outform DER -out cert.der"),
        ("pub.der", "openssl rsa -in rsa.pem -pubout -outform DER -out pub.der"),
        ("request.csr", "openssl req -new -key rsa.pem -subj /CN=a -out request.csr"),
        ("params.pem", "openssl ecparam -name prime256v1 -out params.pem"),
        ("dh.der", "openssl dhparam -outform DER -out dh.der -dsaparam 1024"),
        ("dsa-params.pem", "openssl dsaparam -out dsa-params.pem 1024"),
        ("trust.p12", "openssl pkcs12 -export -nokeys -in self.crt -passout pass:x -out trust.p12"),
        (
            "signature.p7",
            "echo hello | openssl cms -sign -signer self.crt -inkey self.key -outform DER -out signature.p7",
        ),
        ("crl.pem", "openssl x509 -in self.crt -text -noout > crl.pem"),
        ("key.txt", "openssl rsa -in rsa.pem -text -noout > key.txt"),
    ] {
        corpus.made(false, name, command);
    }
}

fn by_ssh(corpus: &mut Corpus) {
    if works("ssh-keygen") {
        for kind in ["rsa", "ecdsa", "ed25519"] {
            corpus.made(
                true,
                &format!("ssh_{kind}"),
                &format!("ssh-keygen -q -t {kind} -N '' -C a@b -f ssh_{kind}"),
            );
            corpus.made(
                true,
                &format!("sshe_{kind}"),
                &format!("ssh-keygen -q -t {kind} -N secret -f sshe_{kind}"),
            );
            corpus.made(false, &format!("ssh_{kind}.pub"), "true");
        }
        corpus.made(false, "known_hosts", "printf 'host %s\\n' \"$(cat ssh_rsa.pub)\" > known_hosts");
    }
    if works("puttygen") {
        for (name, options) in [("p3", ""), ("p2", "--ppk-param version=2")] {
            corpus.made(
                true,
                &format!("{name}.ppk"),
                &format!("puttygen ssh_rsa -O private {options} -o {name}.ppk"),
            );
        }
        corpus.made(
            true,
            "pe.ppk",
            "printf secret > phrase; puttygen ssh_ed25519 -O private --new-passphrase phrase -o pe.ppk; rm phrase",
        );
        corpus.made(true, "sshcom", "puttygen ssh_rsa -O private-sshcom -o sshcom");
        corpus.made(false, "p.pub", "puttygen ssh_rsa -O public -o p.pub");
    } else {
        println!("skipped: puttygen is not installed, so no PuTTY keys");
    }
    if works("keytool") {
        corpus.made(true, "store.jks", "keytool -genkeypair -storetype JKS -keyalg RSA -keystore store.jks -storepass secret -keypass secret -dname CN=a -alias a 2>&1");
        corpus.made(false, "trust.jks", "keytool -importcert -noprompt -storetype JKS -keystore trust.jks -storepass secret -file self.crt -alias a 2>&1");
    }
    if works("gpg") {
        corpus.run("mkdir -m 700 home; gpg --homedir home --batch --passphrase '' --quick-gen-key a@b.example rsa2048 2>&1");
        corpus.made(true, "pgp.asc", "gpg --homedir home --batch --armor --export-secret-keys > pgp.asc");
        corpus.made(true, "pgp.gpg", "gpg --homedir home --batch --export-secret-keys > pgp.gpg");
        corpus.made(false, "pgp-public.asc", "gpg --homedir home --batch --armor --export > pgp-public.asc");
        corpus.made(false, "pgp-public.gpg", "gpg --homedir home --batch --export > pgp-public.gpg; gpgconf --homedir home --kill all; rm -r home");
    }
}

/// Keys as they stand in other files.
fn embedded(corpus: &mut Corpus) {
    let pem = corpus.text("rsa.pem");
    let escaped = pem.replace('\n', "\\n");
    corpus.written(
        true,
        "json",
        format!("{{\"type\": \"service_account\", \"private_key\": \"{escaped}\"}}"),
    );
    corpus.written(
        true,
        "twice.json",
        format!("{{\"a\": \"{{\\\"key\\\": \\\"{}\\\"}}\"}}", escaped.replace('\\', "\\\\")),
    );
    let quoted: String = pem.lines().map(|line| format!("  \"{line}\\n\" +\n")).collect();
    corpus.written(true, "source.js", format!("const key = {quoted} '';"));
    let commented: String = pem.lines().map(|line| format!("// {line}\n")).collect();
    corpus.written(true, "commented.go", commented);
    let indented: String = pem.lines().map(|line| format!("        {line}\n")).collect();
    corpus.written(true, "values.yaml", format!("tls:\n  key: |\n{indented}"));
    corpus.written(true, "crlf.pem", pem.replace('\n', "\r\n"));
    corpus.written(true, "one-line.env", format!("KEY=\"{escaped}\"\n"));
    corpus.written(true, "continued.sh", pem.replace('\n', "\\n\\\n"));
    corpus.written(true, "late", format!("{}{pem}", "x".repeat(131_072 - 700)));
    corpus.written(
        true,
        "binary",
        [&[0_u8, 1, 2, 255][..], &[7; 300_000], pem.as_bytes(), &[0; 999]].concat(),
    );
    corpus.made(
        true,
        "secret.yaml",
        "printf 'data:\\n  tls.key: %s\\n' \"$(base64 -w0 rsa.pem)\" > secret.yaml",
    );
    corpus.made(true, "keys.tar", "tar -cf keys.tar rsa.pub ec.pem");
    corpus.made(true, "keys.tar.gz", "tar -czf keys.tar.gz rsa.pub rsa8.der");
    corpus.made(true, "gz", "gzip -c ec.pem > gz");
    corpus.made(
        true,
        "keys.zip",
        "python3 -c \"import zipfile as z; a = z.ZipFile('keys.zip', 'w', z.ZIP_DEFLATED); a.write('rsa.pub'); a.write('ec.pem')\"",
    );
    corpus.made(
        true,
        "app.jar",
        "python3 -c \"import zipfile as z; a = z.ZipFile('app.jar', 'w'); a.write('keys.zip', 'BOOT-INF/lib/inner.jar')\"",
    );
    corpus.made(false, "public.tar.gz", "tar -czf public.tar.gz rsa.pub self.crt");
    corpus.made(
        true,
        "jwk.json",
        "python3 -c \"import json,base64,os; e = lambda n: base64.urlsafe_b64encode(os.urandom(n)).decode().rstrip('='); \
         print(json.dumps({'keys': [{'kty': 'EC', 'crv': 'P-256', 'x': e(32), 'y': e(32), 'd': e(32)}]}))\" > jwk.json",
    );
    corpus.written(
        false,
        "jwks.json",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"BB\"}]}",
    );
}

/// What talks of keys.
fn near_misses(corpus: &mut Corpus) {
    let pem = corpus.text("rsa.pem");
    let lines: Vec<&str> = pem.lines().collect();
    corpus.written(false, "header", "-----BEGIN RSA PRIVATE KEY-----");
    corpus.written(
        false,
        "both",
        "if text.startswith('-----BEGIN PRIVATE KEY-----') and '-----END PRIVATE KEY-----' in text:",
    );
    corpus.written(
        false,
        "dots",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA...\n...\n-----END RSA PRIVATE KEY-----\n",
    );
    corpus.written(
        false,
        "yours",
        "-----BEGIN PRIVATE KEY-----\n<your private key>\n-----END PRIVATE KEY-----\n",
    );
    corpus.written(
        false,
        "words",
        "-----BEGIN PRIVATE KEY-----\nPUTYOURKEYHERE\n-----END PRIVATE KEY-----\n",
    );
    corpus.written(
        false,
        "x",
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", "x".repeat(640)),
    );
    corpus.written(false, "cut", lines[..lines.len() / 2].join("\n"));
    corpus.written(
        false,
        "truncated",
        format!("{}\n{}\n-----END RSA PRIVATE KEY-----\n", lines[0], lines[1..6].join("\n")),
    );
    corpus.written(false, "pattern", r"-----BEGIN (RSA|EC|DSA|OPENSSH)? ?PRIVATE KEY-----[\s\S]+-----END");
    corpus.written(
        false,
        "template",
        "-----BEGIN PRIVATE KEY-----\n{{ .Values.key | indent 4 }}\n-----END PRIVATE KEY-----",
    );
    corpus.written(
        false,
        "ppk",
        "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nComment: a\nPrivate-Lines: 2\n",
    );
    corpus.written(
        false,
        "elf",
        [
            b"\x7fELF".as_slice(),
            &[0; 5000],
            b"-----BEGIN EC PRIVATE KEY-----\0-----END EC PRIVATE KEY-----\0",
        ]
        .concat(),
    );
    corpus.written(false, "asn1", [0x30, 0x82, 0x01, 0x00, 0x02, 0x01, 0x00].repeat(40));
    corpus.written(
        false,
        "age",
        "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ",
    );
    corpus.written(false, "notice.md", "Keep your `PRIVATE KEY` secret. See \"kty\" in RFC 7517.");
    corpus.written(
        false,
        "zeros",
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", "A".repeat(128)),
    );
}

#[test]
fn precision_and_recall_on_keys_of_many_tools() {
    if !works("openssl") {
        println!("skipped: openssl is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut corpus = Corpus { directory: directory.path().to_owned(), files: Vec::new() };
    by_openssl(&mut corpus);
    by_ssh(&mut corpus);
    embedded(&mut corpus);
    near_misses(&mut corpus);
    let outcome =
        scan(directory.path(), &Limits::default(), Selection::ALL, |_| ControlFlow::Continue(())).unwrap();
    let is_found = |path: &Path| {
        let path = format!("/{}", path.file_name().unwrap().to_string_lossy());
        outcome.of(CHECK_425.number).iter().any(|found| {
            found.fails() && (found.subject == path || found.subject.starts_with(&format!("{path}!")))
        })
    };
    let (mut right, mut wrong, mut missed) = (0, Vec::new(), Vec::new());
    for file in &corpus.files {
        match (file.is_key, is_found(&file.path)) {
            (true, true) => right += 1,
            (true, false) => missed.push(&file.path),
            (false, true) => wrong.push(&file.path),
            (false, false) => {}
        }
    }
    let positives = corpus.files.iter().filter(|file| file.is_key).count();
    let (precision, recall) =
        (f64::from(right) / (f64::from(right) + wrong.len() as f64), f64::from(right) / positives as f64);
    println!(
        "425: {} files, {positives} with a key: precision {precision:.3}, recall {recall:.3}",
        corpus.files.len()
    );
    println!("wrong {wrong:?}, missed {missed:?}");
    assert!(precision >= 0.90 && recall >= 0.98);
    let encrypted = |name: &str| {
        outcome.of(CHECK_425.number).iter().any(|found| found.subject == name && found.class == "encrypted")
    };
    for name in ["/rsa-enc.pem", "/rsa8-enc.pem", "/rsa8-enc.der", "/store.p12"] {
        assert!(encrypted(name), "{name}");
    }
    assert!(!encrypted("/rsa.pem") && !encrypted("/plain.p12"));
}

#[test]
fn no_part_of_a_key_is_shown() {
    if !works("openssl") {
        println!("skipped: openssl is not installed");
        return;
    }
    let output = Command::new("openssl").args(["genpkey", "-algorithm", "ED25519"]).output().unwrap();
    let body: String = String::from_utf8(output.stdout.clone()).unwrap().lines().nth(1).unwrap().to_owned();
    let found = keys::find(&output.stdout);
    assert_eq!(found.len(), 1);
    let shown = format!("{:?} {}", found, found[0].describe());
    for part in body.as_bytes().windows(8) {
        assert!(!shown.contains(std::str::from_utf8(part).unwrap()));
    }
}

#[test]
fn hostile_archives_end_at_their_budget() {
    let directory = tempfile::tempdir().unwrap();
    let script = "head -c 3000000000 /dev/zero | gzip -1 > bomb.gz; \
        printf 'PK\\003\\004' > short.zip; printf '\\037\\213\\010' > short.gz; \
        (head -c 257 /dev/zero; printf ustar; head -c 5000 /dev/urandom) > damaged.tar; \
        gzip -c bomb.gz | gzip -c | gzip -c | gzip -c > deep.gz";
    assert!(
        Command::new("sh").args(["-ec", script]).current_dir(directory.path()).status().unwrap().success()
    );
    let outcome =
        scan(directory.path(), &Limits::default(), Selection::ALL, |_| ControlFlow::Continue(())).unwrap();
    assert!(outcome.of(CHECK_425.number).iter().all(|found| !found.fails()), "{outcome:?}");
    assert_eq!(outcome.walk.files, 5);
}
