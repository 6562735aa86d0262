//! Points of a curve y² = x³ − 3x + b, and tables of their multiples.

use super::field::{Fe, Prime};

/// A point other than the one at infinity.
#[derive(Clone, Copy)]
pub(super) struct Affine<C> {
    pub x: Fe<C>,
    pub y: Fe<C>,
}

/// A point as x = X/ZZ, y = Y/ZZZ, where ZZ³ = ZZZ²; at infinity both are zero. Adding to it costs ten multiplications, one less
/// than to a point that keeps Z alone.
#[derive(Clone, Copy)]
pub(super) struct Sum<C> {
    pub x: Fe<C>,
    pub y: Fe<C>,
    pub zz: Fe<C>,
    pub zzz: Fe<C>,
}

impl<C: Prime> Affine<C> {
    /// No point of the curve; it stands where there is none.
    pub(super) const ORIGIN: Self = Self { x: Fe::ZERO, y: Fe::ZERO };

    fn negate(self) -> Self {
        Self { y: self.y.negate(), ..self }
    }
}

impl<C: Prime> Sum<C> {
    pub(super) const INFINITY: Self = Self { x: Fe::ZERO, y: Fe::ZERO, zz: Fe::ZERO, zzz: Fe::ZERO };

    fn double(self) -> Self {
        let u = self.y.double();
        let v = u.square();
        let w = u.mul(v);
        let s = self.x.mul(v);
        let m = self.x.sub(self.zz).mul(self.x.add(self.zz));
        let m = m.double().add(m);
        let x = m.square().sub(s.double());
        let y = m.mul(s.sub(x)).sub(w.mul(self.y));
        Self { x, y, zz: v.mul(self.zz), zzz: w.mul(self.zzz) }
    }

    /// Adds a point, whichever the two are.
    pub(super) fn add(self, other: Affine<C>) -> Self {
        if self.zz.is_zero() {
            return Self { x: other.x, y: other.y, zz: Fe::one(), zzz: Fe::one() };
        }
        let p = other.x.mul(self.zz).sub(self.x);
        let r = other.y.mul(self.zzz).sub(self.y);
        if p.is_zero() {
            return if r.is_zero() { self.double() } else { Self::INFINITY };
        }
        let pp = p.square();
        let ppp = p.mul(pp);
        let q = self.x.mul(pp);
        let x = r.square().sub(ppp).sub(q.double());
        let y = r.mul(q.sub(x)).sub(self.y.mul(ppp));
        Self { x, y, zz: self.zz.mul(pp), zzz: self.zzz.mul(ppp) }
    }
}

/// Multiples of a point: for each window of `width` bits of a scalar, 1 to 2^(width − 1) times the point times 2^(the window's place).
pub(super) struct Table<C> {
    width: usize,
    /// Windows one after another.
    multiples: Vec<Affine<C>>,
}

impl<C: Prime> Table<C> {
    pub(super) fn new(point: Affine<C>, width: usize) -> Self {
        let (windows, half) = (256 / width + 1, 1 << (width - 1));
        let mut all = Vec::with_capacity(windows * half);
        let mut base = point;
        for _ in 0..windows {
            let mut multiple = Sum::INFINITY;
            for _ in 0..half {
                multiple = multiple.add(base);
                all.push(multiple);
            }
            // 2^(width − 1) times the base, doubled.
            base = match affine(&[multiple.double()]).pop() {
                Some(next) => next,
                None => base,
            };
        }
        Self { width, multiples: affine(&all) }
    }

    /// Adds `scalar` times the point.
    pub(super) fn add_multiple(&self, mut sum: Sum<C>, scalar: [u64; 4]) -> Sum<C> {
        let half = 1_usize << (self.width - 1);
        let mut carry = 0;
        for (window, multiples) in self.multiples.chunks_exact(half).enumerate() {
            let digit = bits(scalar, window * self.width, self.width) + carry;
            // A digit above half the window's range counts down from the next window.
            carry = usize::from(digit > half);
            let times = if digit > half { 2 * half - digit } else { digit };
            if let Some(multiple) = times.checked_sub(1).and_then(|at| multiples.get(at)) {
                sum = sum.add(if carry == 1 { multiple.negate() } else { *multiple });
            }
        }
        sum
    }
}

/// `count` bits from `at` on; beyond the end they are zero.
#[inline(always)]
fn bits(scalar: [u64; 4], at: usize, count: usize) -> usize {
    let (limb, shift) = (at / 64, at % 64);
    let low = scalar.get(limb).map_or(0, |limb| limb >> shift);
    let high = if shift == 0 { 0 } else { scalar.get(limb + 1).map_or(0, |limb| limb << (64 - shift)) };
    ((low | high) & ((1 << count) - 1)) as usize
}

/// The same points with ZZ = 1, by one inversion. Points at infinity are not expected.
fn affine<C: Prime>(points: &[Sum<C>]) -> Vec<Affine<C>> {
    let mut products = Vec::with_capacity(points.len());
    let mut product = Fe::one();
    for point in points {
        products.push(product);
        product = product.mul(point.zzz);
    }
    let mut inverse = product.invert();
    let mut found: Vec<Affine<C>> = Vec::with_capacity(points.len());
    for (point, before) in points.iter().zip(products).rev() {
        let own = inverse.mul(before);
        inverse = inverse.mul(point.zzz);
        // ZZ²/ZZZ² = 1/ZZ.
        found.push(Affine { x: point.x.mul(point.zz.mul(own).square()), y: point.y.mul(own) });
    }
    found.reverse();
    found
}
