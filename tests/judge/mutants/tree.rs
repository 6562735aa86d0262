//! Mutants of DER structures: the tree is taken apart, changed in one or a few places, and put together again with right
//! lengths, so that the readers go on to what lies behind them; now and then the octets themselves are changed.

use super::Dice;
use xinyin::pki::tlv::Reader;

/// A value: primitive octets, or members. An OCTET STRING or BIT STRING that holds one value is opened too.
#[derive(Clone)]
enum Node {
    Plain(u8, Vec<u8>),
    /// Tag, what stands before the members (the BIT STRING's first octet), members.
    Open(u8, Vec<u8>, Vec<Node>),
}

fn read(octets: &[u8]) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    for value in Reader::new(octets) {
        let value = value.ok()?;
        let node = if value.tag & 0x20 != 0 {
            Node::Open(value.tag, Vec::new(), read(value.value)?)
        } else {
            let (before, inside) = match value.tag {
                0x04 => value.value.split_at(0),
                0x03 => value.value.split_at(value.value.len().min(1)),
                _ => (value.value, &[][..]),
            };
            match read(inside) {
                Some(members) if !members.is_empty() => Node::Open(value.tag, before.to_vec(), members),
                _ => Node::Plain(value.tag, value.value.to_vec()),
            }
        };
        nodes.push(node);
    }
    Some(nodes)
}

impl Node {
    fn size(&self) -> usize {
        match self {
            Self::Plain(..) => 1,
            Self::Open(_, _, members) => 1 + members.iter().map(Self::size).sum::<usize>(),
        }
    }

    /// The node with this number, depth first.
    fn at(&mut self, number: &mut usize) -> Option<&mut Self> {
        if *number == 0 {
            return Some(self);
        }
        *number -= 1;
        match self {
            Self::Plain(..) => None,
            Self::Open(_, _, members) => members.iter_mut().find_map(|member| member.at(number)),
        }
    }

    fn write(&self, long: Option<usize>, number: &mut usize, out: &mut Vec<u8>) {
        let mine = *number;
        *number += 1;
        let (tag, contents) = match self {
            Self::Plain(tag, octets) => (*tag, octets.clone()),
            Self::Open(tag, before, members) => {
                let mut contents = before.clone();
                members.iter().for_each(|member| member.write(long, number, &mut contents));
                (*tag, contents)
            }
        };
        out.push(tag);
        let digits = contents.len().to_be_bytes();
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        if long == Some(mine) && tag & 0x20 != 0 && contents.len().is_multiple_of(2) {
            // The indefinite form of BER.
            out.push(0x80);
            out.extend_from_slice(&contents);
            out.extend_from_slice(&[0, 0]);
            return;
        } else if long == Some(mine) {
            out.push(0x88);
            out.extend_from_slice(&digits);
        } else if contents.len() < 0x80 {
            out.push(u8::try_from(contents.len()).unwrap());
        } else {
            out.push(0x80 | u8::try_from(digits.len() - zeros).unwrap());
            out.extend_from_slice(&digits[zeros..]);
        }
        out.extend_from_slice(&contents);
    }
}

fn octets_of(dice: &mut Dice, value: &mut Vec<u8>) -> &'static str {
    let last = value.len().saturating_sub(1);
    match dice.below(6) {
        _ if value.is_empty() => {
            value.push(dice.octet());
            "an octet put in"
        }
        0 | 1 => {
            let at = dice.below(value.len());
            value[at] ^= 1 << dice.below(8);
            "a bit turned"
        }
        2 => {
            value[last] = value[last].wrapping_add(if dice.below(2) == 0 { 1 } else { 255 });
            "a number moved by one"
        }
        3 => {
            value.truncate(dice.below(value.len()));
            "cut short"
        }
        4 => {
            value.insert(0, 0);
            "a zero before it"
        }
        _ => {
            let at = dice.below(value.len());
            value[at] = dice.octet();
            "an octet replaced"
        }
    }
}

fn change(dice: &mut Dice, root: &mut Node, donors: &[Node]) -> String {
    let mut number = dice.below(root.size());
    let place = number;
    let Some(node) = root.at(&mut number) else { return "nothing".into() };
    let what = match (dice.below(9), node) {
        (0, Node::Open(_, _, members)) if !members.is_empty() => {
            members.remove(dice.below(members.len()));
            "a member taken out"
        }
        (1, Node::Open(_, _, members)) if !members.is_empty() => {
            let twin = members[dice.below(members.len())].clone();
            let at = dice.below(members.len() + 1);
            members.insert(at, twin);
            "a member doubled"
        }
        (2, Node::Open(_, _, members)) if members.len() > 1 => {
            let (one, other) = (dice.below(members.len()), dice.below(members.len()));
            members.swap(one, other);
            "members exchanged"
        }
        (3 | 4, node) if !donors.is_empty() => {
            // The same place of another file, or any place of it.
            let mut donor = donors[dice.below(donors.len())].clone();
            let mut number = if dice.below(3) > 0 { place % donor.size() } else { dice.below(donor.size()) };
            if let Some(part) = donor.at(&mut number) {
                *node = part.clone();
            }
            "a part of another file"
        }
        (5, Node::Plain(tag, _) | Node::Open(tag, ..)) => {
            *tag ^= 1 << dice.below(8);
            "another tag"
        }
        (6, Node::Open(_, _, members)) if !donors.is_empty() => {
            let mut donor = donors[dice.below(donors.len())].clone();
            let mut number = dice.below(donor.size());
            if let Some(part) = donor.at(&mut number) {
                let at = dice.below(members.len() + 1);
                members.insert(at, part.clone());
            }
            "a part of another file put in"
        }
        (_, Node::Plain(_, value) | Node::Open(_, value, _)) => octets_of(dice, value),
    };
    format!("{what} at {place}")
}

/// A mutant of `original`; `donors` are other files whose parts may be put in.
pub fn mutant(original: &[u8], donors: &[&[u8]], seed: u64) -> (String, Vec<u8>) {
    let mut dice = Dice::new(seed);
    if dice.below(12) == 0 {
        let mut octets = original.to_vec();
        let at = dice.below(octets.len());
        match dice.below(4) {
            0 => octets.truncate(at),
            1 => octets.extend_from_slice(&original[at..]),
            2 => drop(octets.remove(at)),
            _ => octets[at] ^= 1 << dice.below(8),
        }
        return (format!("octets changed at {at}"), octets);
    }
    let Some(mut roots) = read(original) else { return ("nothing".into(), original.to_vec()) };
    let donors: Vec<Node> = donors.iter().filter_map(|donor| read(donor)?.into_iter().next()).collect();
    let root = roots.first_mut().expect("a value");
    let changes: Vec<String> = (0..=dice.below(8) / 5).map(|_| change(&mut dice, root, &donors)).collect();
    let long = (dice.below(6) == 0).then(|| dice.below(root.size()));
    let mut octets = Vec::new();
    root.write(long, &mut 0, &mut octets);
    (changes.join(", "), octets)
}

#[test]
fn an_unchanged_tree_is_written_as_it_was() {
    let authority = crate::authority::Authority::new(xinyin::crypto::KeyKind::P256);
    for der in [authority.signer.certificate.der(), authority.crl.der()] {
        let mut octets = Vec::new();
        read(der).unwrap()[0].write(None, &mut 0, &mut octets);
        assert_eq!(octets, der);
    }
}
