//! Keys seen before: authorities, time-stampers, seals and busy signers verify with tables of their point's multiples.
//!
//! A signature under such a key is verified as any other; only the multiplication is cheaper, since the doublings are in the
//! table: a third of ring's time for P-256, a tenth of the sm2 crate's for SM2. A table depends on the key's point alone and is
//! known by it. What is not found good here is asked of ring or the sm2 crate again, so that a refusal is always theirs.

mod field;
mod point;

use super::{Hash, generations::Generations};
use field::{Fe, Prime, add, limbs, once};
use p256::elliptic_curve::ops::Reduce;
use point::{Affine, Sum, Table};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// From so many signatures on, a key gets a table: making one costs as much as a dozen verifications.
const FAMILIAR: u32 = 32;
/// Keys in one generation that are counted, and that have tables (151 KB each).
const COUNTED: usize = 2048;
const TABLES: usize = 64;
/// Bits of one window: of a key's table, of the base point's.
const WINDOW: usize = 7;
const BASE_WINDOW: usize = 9;

/// A curve with its base point.
trait Curve: Prime {
    /// The order of the base point.
    const N: [u64; 4];
    /// The base point's coordinates.
    const G: [&'static [u8; 32]; 2];
}

#[derive(Debug, Clone, Copy)]
struct P256;

impl Prime for P256 {
    const P: [u64; 4] = [u64::MAX, 0xffff_ffff, 0, 0xffff_ffff_0000_0001];
    const R2: [u64; 4] = [3, 0xffff_fffb_ffff_ffff, 0xffff_ffff_ffff_fffe, 0x4_ffff_fffd];
}

impl Curve for P256 {
    const N: [u64; 4] = [0xf3b9_cac2_fc63_2551, 0xbce6_faad_a717_9e84, u64::MAX, 0xffff_ffff_0000_0000];
    const G: [&'static [u8; 32]; 2] = [
        b"\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96",
        b"\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5",
    ];
}

#[derive(Debug, Clone, Copy)]
struct Sm2;

impl Prime for Sm2 {
    const P: [u64; 4] = [u64::MAX, 0xffff_ffff_0000_0000, u64::MAX, 0xffff_fffe_ffff_ffff];
    const R2: [u64; 4] = [0x2_0000_0003, 0x2_ffff_ffff, 0x1_0000_0001, 0x4_0000_0002];
}

impl Curve for Sm2 {
    const N: [u64; 4] = [0x53bb_f409_39d5_4123, 0x7203_df6b_21c6_052b, u64::MAX, 0xffff_fffe_ffff_ffff];
    const G: [&'static [u8; 32]; 2] = [
        b"\x32\xc4\xae\x2c\x1f\x19\x81\x19\x5f\x99\x04\x46\x6a\x39\xc9\x94\x8f\xe3\x0b\xbf\xf2\x66\x0b\xe1\x71\x5a\x45\x89\x33\x4c\x74\xc7",
        b"\xbc\x37\x36\xa2\xf4\xf6\x77\x9c\x59\xbd\xce\xe3\x6b\x69\x21\x53\xd0\xa9\x87\x7c\xc6\x2a\x47\x40\x02\xdf\x32\xe5\x21\x39\xf0\xa0",
    ];
}

/// Tables by point (X‖Y), and how often points without one were seen.
struct Tables<C> {
    base: LazyLock<Table<C>>,
    known: Mutex<Known<C>>,
}

struct Known<C> {
    counts: Generations<[u8; 64], u32>,
    tables: Generations<[u8; 64], Arc<Table<C>>>,
}

static P256_TABLES: LazyLock<Tables<P256>> = LazyLock::new(Tables::new);
static SM2_TABLES: LazyLock<Tables<Sm2>> = LazyLock::new(Tables::new);

impl<C: Curve> Tables<C> {
    fn new() -> Self {
        let known = Known { counts: Generations::new(COUNTED), tables: Generations::new(TABLES) };
        Self { base: LazyLock::new(|| Table::new(read(C::G[0], C::G[1]).unwrap_or(Affine::ORIGIN), BASE_WINDOW)), known: Mutex::new(known) }
    }

    /// The table of a point (04‖X‖Y, on the curve), once the point has been seen often.
    fn table(&self, point: &[u8]) -> Option<Arc<Table<C>>> {
        let [4, coordinates @ ..] = point else { return None };
        let name: [u8; 64] = coordinates.try_into().ok()?;
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(table) = known.tables.get(&name) {
                return Some(table);
            }
            let count = known.counts.get(&name).unwrap_or_default().saturating_add(1);
            // Whoever comes while the table is being made goes the other way.
            known.counts.keep(name, if count == FAMILIAR { 0 } else { count });
            if count < FAMILIAR {
                return None;
            }
        }
        let (x, y) = name.split_first_chunk::<32>()?;
        let table = Arc::new(Table::new(read(x, y.try_into().ok()?)?, WINDOW));
        self.known.lock().unwrap_or_else(PoisonError::into_inner).tables.keep(name, Arc::clone(&table));
        Some(table)
    }

    /// u·G + v·Q.
    fn sum(&self, base: [u64; 4], table: &Table<C>, times: [u64; 4]) -> Sum<C> {
        table.add_multiple(self.base.add_multiple(Sum::INFINITY, base), times)
    }
}

fn read<C: Prime>(x: &[u8; 32], y: &[u8; 32]) -> Option<Affine<C>> {
    Some(Affine { x: Fe::new(limbs(x))?, y: Fe::new(limbs(y))? })
}

/// Whether the point's x, taken modulo the order, is `wanted` (below the order): one of `wanted` and `wanted` + n, as far as
/// that is below the prime. The point at infinity has none.
fn has_x<C: Curve>(point: &Sum<C>, wanted: [u64; 4]) -> bool {
    let is = |x: [u64; 4]| Fe::new(x).is_some_and(|x| x.mul(point.zz) == point.x);
    let (above, over) = add(wanted, C::N);
    !point.zz.is_zero() && (is(wanted) || !over && is(above))
}

/// Whether an ECDSA signature (SEC 1 §4.1.4) is good under a point of P-256 that is known; not known and not good are one answer.
pub(super) fn p256(point: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    P256_TABLES.table(point).is_some_and(|table| p256_with(&table, digest, signature))
}

/// The same for a message, which is hashed only where the point is known.
pub(super) fn p256_message(point: &[u8], hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    P256_TABLES.table(point).is_some_and(|table| p256_with(&table, &hash.digest(message), signature))
}

fn p256_with(table: &Table<P256>, digest: &[u8], signature: &[u8]) -> bool {
    // The leftmost bits count (SEC 1 §4.1.4, step 3); shorter digests are not taken here.
    let Some((digest, _)) = digest.split_first_chunk::<32>() else { return false };
    let Ok(signature) = p256::ecdsa::Signature::from_der(signature) else { return false };
    let (r, s) = signature.split_scalars();
    let digest = <p256::Scalar as Reduce<p256::FieldBytes>>::reduce(&(*digest).into());
    let Some(inverse) = Option::<p256::Scalar>::from(s.invert_vartime()) else { return false };
    let scalar = |scalar: &p256::Scalar| limbs(&scalar.to_bytes().into());
    let sum = P256_TABLES.sum(scalar(&(digest * inverse)), table, scalar(&(*r * inverse)));
    has_x(&sum, scalar(&r))
}

/// The same for SM2 (GB/T 32918.2 §7): the digest is over Z and the message, `r` and `s` lie between 0 and n.
pub(super) fn sm2(point: &[u8], digest: &[u8], r: &[u8; 32], s: &[u8; 32]) -> bool {
    let Ok(digest) = <&[u8; 32]>::try_from(digest) else { return false };
    let Some(table) = SM2_TABLES.table(point) else { return false };
    let (r, s) = (limbs(r), limbs(s));
    let in_range = |number: [u64; 4]| number != [0; 4] && field::subtract(number, Sm2::N).1;
    let (t, over) = add(r, s);
    let t = once(t, over, Sm2::N);
    if !in_range(r) || !in_range(s) || t == [0; 4] {
        return false;
    }
    let digest = once(limbs(digest), false, Sm2::N);
    let (x, below) = field::subtract(r, digest);
    let x = if below { add(x, Sm2::N).0 } else { x };
    has_x(&SM2_TABLES.sum(s, &table, t), x)
}

#[cfg(test)]
mod tests;
