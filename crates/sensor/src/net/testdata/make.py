"""Writes dns.tsv and packets.tsv: what dnspython and scapy make, and how they read it.

Run in an environment with both: python make.py
"""

import random

import dns.flags, dns.message, dns.name, dns.rdata, dns.rdataclass, dns.rdatatype, dns.rrset
from scapy.all import DNS, IP, TCP, UDP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, Raw

rng = random.Random(53)
WORDS = ["www", "Api", "cdn", "x-1", "_sip", "_tcp", "eu", "Example", "test", "a" * 63, "\\000\\255", "dot\\.ted", "back\\\\slash"]


def name():
    return ".".join(rng.choice(WORDS) for _ in range(rng.randint(1, 3))) + rng.choice([".example.com.", ".test.", "."])


def record(kind):
    return {
        "A": lambda: f"192.0.2.{rng.randint(0, 255)}",
        "AAAA": lambda: f"2001:db8::{rng.randint(1, 65535):x}",
        "CNAME": name,
        "NS": name,
        "PTR": name,
        "MX": lambda: f"{rng.randint(0, 99)} {name()}",
        "SRV": lambda: f"1 2 {rng.randint(1, 65535)} {name()}",
        "TXT": lambda: " ".join('"' + "".join(rng.choice("abc =.;") for _ in range(rng.randint(0, 40))) + '"' for _ in range(rng.randint(1, 3))),
        "HTTPS": lambda: f"1 {name()} alpn=h2 ipv4hint=192.0.2.{rng.randint(0, 255)},192.0.2.7 ipv6hint=2001:db8::{rng.randint(1, 99):x}",
        "SOA": lambda: f"{name()} {name()} 1 2 3 4 5",
        "CAA": lambda: '0 issue "ca.test"',
    }[kind]()


def low(text):
    """The name as zone files write it, without its last dot."""
    text = text.to_text() if not isinstance(text, str) else text
    return text.lower().rstrip(".") or "."


def shown(rdata):
    kind = dns.rdatatype.to_text(rdata.rdtype)
    if kind in ("A", "AAAA"):
        return f"{kind} {rdata.address}"
    if kind in ("CNAME", "NS", "PTR"):
        return f"{kind} {low(rdata.target)}"
    if kind == "MX":
        return f"{kind} {low(rdata.exchange)}"
    if kind == "SRV":
        return f"{kind} {low(rdata.target)}:{rdata.port}"
    if kind == "TXT":
        return f'{kind} "{b"".join(rdata.strings).decode()}"'
    if kind == "HTTPS":
        return f"{kind} {low(rdata.target)}"
    return f"{kind} -"


def line(wire):
    message = dns.message.from_wire(wire, one_rr_per_rrset=True)
    question = message.question[0]
    parts = [
        f"{message.id} {'answer' if message.flags & dns.flags.QR else 'query'} {message.opcode():d} {message.rcode():d} "
        f"{'cut' if message.flags & dns.flags.TC else 'whole'} {low(question.name)} {dns.rdatatype.to_text(question.rdtype)}"
    ]
    parts += [f"{low(rrset.name)} {rrset.ttl} {shown(rrset[0])}" for rrset in message.answer]
    return wire.hex() + "\t" + " | ".join(parts)


KINDS = ["A", "AAAA", "CNAME", "NS", "PTR", "MX", "SRV", "TXT", "HTTPS", "SOA", "CAA"]
with open("dns.tsv", "w") as out:
    for _ in range(80):
        query = dns.message.make_query(name(), rng.choice(KINDS), use_edns=rng.choice([None, 0]))
        query.id = rng.randint(0, 65535)
        print(line(query.to_wire()), file=out)
        answer = dns.message.make_response(query)
        answer.set_rcode(rng.choice([0, 0, 0, 2, 3, 5]))
        if rng.random() < 0.1:
            answer.flags |= dns.flags.TC
        for _ in range(rng.randint(0, 5)):
            kind = rng.choice(KINDS)
            owner = rng.choice([query.question[0].name.to_text(), name()])
            answer.answer.append(dns.rrset.from_text(owner, rng.randint(0, 2**31 - 1), "IN", kind, record(kind)))
        print(line(answer.to_wire(max_size=65535)), file=out)


def packets():
    for _ in range(12):
        sport, dport = rng.randint(1, 65535), rng.randint(1, 65535)
        body = bytes(rng.randbytes(rng.randint(0, 40)))
        v4 = IP(src=f"10.0.0.{rng.randint(1, 254)}", dst=f"192.0.2.{rng.randint(1, 254)}")
        if rng.random() < 0.3:
            v4.options = [b"\x94\x04\x00\x00"]
        v6 = IPv6(src=f"2001:db8::{rng.randint(1, 99):x}", dst="fe80::1")
        v6_long = v6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt()
        seq = rng.randint(0, 2**32 - 1)
        for base, src, dst in ((v4, v4.src, v4.dst), (v6, f"[{v6.src}]", f"[{v6.dst}]"), (v6_long, f"[{v6.src}]", f"[{v6.dst}]")):
            ends = f"{src}:{sport} {dst}:{dport}"
            yield base / UDP(sport=sport, dport=dport) / Raw(body), f"{ends} udp {body.hex()}"
            yield base / TCP(sport=sport, dport=dport, flags="S", seq=seq, options=[("MSS", 1460)]), f"{ends} syn {seq}"
            yield base / TCP(sport=sport, dport=dport, flags="SA", seq=seq), f"{ends} tcp "
            yield base / TCP(sport=sport, dport=dport, flags="PA", seq=seq, options=[("NOP", None)] * 4) / Raw(body), f"{ends} tcp {body.hex()}"
    yield IP(src="10.0.0.1", dst="10.0.0.2", frag=8) / UDP(sport=1, dport=53) / Raw(b"later fragment"), "none"
    yield IP(src="10.0.0.1", dst="10.0.0.2", proto=1) / Raw(b"x" * 20), "none"
    question = bytes(DNS(rd=1))
    yield IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=53, dport=5) / Raw(question), f"10.0.0.1:53 10.0.0.2:5 udp {question.hex()}"


with open("packets.tsv", "w") as out:
    for packet, expected in packets():
        print(bytes(packet).hex() + "\t" + expected, file=out)
