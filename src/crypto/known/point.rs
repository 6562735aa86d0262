//! Points of a curve y² = x³ − 3x + b, and tables of their multiples.

use super::field::{Fe, Prime};

/// A point other than the one at infinity.
#[derive(Clone, Copy)]
pub(super) struct Affine<C> {
    pub x: Fe<C>,
    pub y: Fe<C>,
}

/// A point as x = X/Z², y = Y/Z³; at infinity Z is zero.
#[derive(Clone, Copy)]
pub(super) struct Jacobian<C> {
    pub x: Fe<C>,
    pub y: Fe<C>,
    pub z: Fe<C>,
}

impl<C: Prime> Affine<C> {
    /// No point of the curve; it stands where there is none.
    pub(super) const ORIGIN: Self = Self { x: Fe::ZERO, y: Fe::ZERO };

    fn negate(self) -> Self {
        Self { y: self.y.negate(), ..self }
    }
}

impl<C: Prime> Jacobian<C> {
    pub(super) const INFINITY: Self = Self { x: Fe::ZERO, y: Fe::ZERO, z: Fe::ZERO };

    fn double(self) -> Self {
        let delta = self.z.square();
        let gamma = self.y.square();
        let beta = self.x.mul(gamma);
        let alpha = self.x.sub(delta).mul(self.x.add(delta));
        let alpha = alpha.double().add(alpha);
        let beta4 = beta.double().double();
        let x = alpha.square().sub(beta4.double());
        let z = self.y.add(self.z).square().sub(gamma).sub(delta);
        let gamma8 = gamma.square().double().double().double();
        let y = alpha.mul(beta4.sub(x)).sub(gamma8);
        Self { x, y, z }
    }

    /// Adds a point, whichever the two are.
    pub(super) fn add(self, other: Affine<C>) -> Self {
        if self.z.is_zero() {
            return Self { x: other.x, y: other.y, z: Fe::one() };
        }
        let zz = self.z.square();
        let h = other.x.mul(zz).sub(self.x);
        let r = other.y.mul(self.z.mul(zz)).sub(self.y);
        if h.is_zero() {
            return if r.is_zero() { self.double() } else { Self::INFINITY };
        }
        let hh = h.square();
        let hhh = h.mul(hh);
        let v = self.x.mul(hh);
        let x = r.square().sub(hhh).sub(v.double());
        let y = r.mul(v.sub(x)).sub(self.y.mul(hhh));
        Self { x, y, z: self.z.mul(h) }
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
            let mut multiple = Jacobian::INFINITY;
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
    pub(super) fn add_multiple(&self, mut sum: Jacobian<C>, scalar: [u64; 4]) -> Jacobian<C> {
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

/// The same points with Z = 1, by one inversion. Points at infinity are not expected.
fn affine<C: Prime>(points: &[Jacobian<C>]) -> Vec<Affine<C>> {
    let mut products = Vec::with_capacity(points.len());
    let mut product = Fe::one();
    for point in points {
        products.push(product);
        product = product.mul(point.z);
    }
    let mut inverse = product.invert();
    let mut found: Vec<Affine<C>> = Vec::with_capacity(points.len());
    for (point, before) in points.iter().zip(products).rev() {
        let own = inverse.mul(before);
        inverse = inverse.mul(point.z);
        let square = own.square();
        found.push(Affine { x: point.x.mul(square), y: point.y.mul(square.mul(own)) });
    }
    found.reverse();
    found
}
