//! Numbers modulo the prime of a curve, in Montgomery form: four limbs, the least significant first, always below the prime.

/// A prime of 256 bits whose lowest limb is 2⁶⁴ − 1, as those of P-256 and SM2 are: Montgomery's factor is then 1.
pub(super) trait Prime: Copy {
    /// The prime.
    const P: [u64; 4];
    /// 2⁵¹² modulo the prime.
    const R2: [u64; 4];
}

/// A number modulo the prime.
#[derive(Debug)]
pub(super) struct Fe<C> {
    limbs: [u64; 4],
    curve: std::marker::PhantomData<C>,
}

impl<C> Clone for Fe<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Fe<C> {}

impl<C> PartialEq for Fe<C> {
    fn eq(&self, other: &Self) -> bool {
        self.limbs == other.limbs
    }
}

/// Limbs of a big-endian number.
pub(super) fn limbs(octets: &[u8; 32]) -> [u64; 4] {
    let mut limbs = [0; 4];
    for (limb, octets) in limbs.iter_mut().rev().zip(octets.as_chunks::<8>().0) {
        *limb = u64::from_be_bytes(*octets);
    }
    limbs
}

/// The sum and whether it passes 2²⁵⁶.
#[inline(always)]
pub(super) fn add(a: [u64; 4], b: [u64; 4]) -> ([u64; 4], bool) {
    let (x0, c) = a[0].carrying_add(b[0], false);
    let (x1, c) = a[1].carrying_add(b[1], c);
    let (x2, c) = a[2].carrying_add(b[2], c);
    let (x3, c) = a[3].carrying_add(b[3], c);
    ([x0, x1, x2, x3], c)
}

/// The difference and whether it is below zero.
#[inline(always)]
pub(super) fn subtract(a: [u64; 4], b: [u64; 4]) -> ([u64; 4], bool) {
    let (x0, c) = a[0].borrowing_sub(b[0], false);
    let (x1, c) = a[1].borrowing_sub(b[1], c);
    let (x2, c) = a[2].borrowing_sub(b[2], c);
    let (x3, c) = a[3].borrowing_sub(b[3], c);
    ([x0, x1, x2, x3], c)
}

/// A number below twice the modulus, with its carry, brought below the modulus.
#[inline(always)]
pub(super) fn once(value: [u64; 4], carry: bool, modulus: [u64; 4]) -> [u64; 4] {
    let (less, borrow) = subtract(value, modulus);
    let keep = u64::from(borrow & !carry).wrapping_neg();
    [
        (value[0] & keep) | (less[0] & !keep),
        (value[1] & keep) | (less[1] & !keep),
        (value[2] & keep) | (less[2] & !keep),
        (value[3] & keep) | (less[3] & !keep),
    ]
}

impl<C: Prime> Fe<C> {
    pub(super) const ZERO: Self = Self::raw([0; 4]);

    const fn raw(limbs: [u64; 4]) -> Self {
        Self { limbs, curve: std::marker::PhantomData }
    }

    /// `None` unless the number is below the prime.
    pub(super) fn new(value: [u64; 4]) -> Option<Self> {
        subtract(value, C::P).1.then(|| Self::raw(value).mul(Self::raw(C::R2)))
    }

    pub(super) fn one() -> Self {
        Self::raw([1, 0, 0, 0]).mul(Self::raw(C::R2))
    }

    pub(super) fn is_zero(self) -> bool {
        self.limbs == [0; 4]
    }

    #[inline(always)]
    pub(super) fn add(self, other: Self) -> Self {
        let (sum, carry) = add(self.limbs, other.limbs);
        Self::raw(once(sum, carry, C::P))
    }

    #[inline(always)]
    pub(super) fn sub(self, other: Self) -> Self {
        let (difference, borrow) = subtract(self.limbs, other.limbs);
        let back = u64::from(borrow).wrapping_neg();
        Self::raw(add(difference, [C::P[0] & back, C::P[1] & back, C::P[2] & back, C::P[3] & back]).0)
    }

    #[inline(always)]
    pub(super) fn double(self) -> Self {
        self.add(self)
    }

    pub(super) fn negate(self) -> Self {
        Self::ZERO.sub(self)
    }

    #[inline(always)]
    pub(super) fn mul(self, other: Self) -> Self {
        let (a, b) = (self.limbs, other.limbs);
        let mut t = [0_u64; 8];
        let mut i = 0;
        while i < 4 {
            let (x, c) = a[i].carrying_mul_add(b[0], t[i], 0);
            t[i] = x;
            let (x, c) = a[i].carrying_mul_add(b[1], t[i + 1], c);
            t[i + 1] = x;
            let (x, c) = a[i].carrying_mul_add(b[2], t[i + 2], c);
            t[i + 2] = x;
            let (x, c) = a[i].carrying_mul_add(b[3], t[i + 3], c);
            t[i + 3] = x;
            t[i + 4] = c;
            i += 1;
        }
        Self::reduce(t)
    }

    #[inline(always)]
    pub(super) fn square(self) -> Self {
        self.mul(self)
    }

    /// Montgomery's reduction: (t + Σ mᵢ·p·2⁶⁴ⁱ) / 2²⁵⁶, where mᵢ is the limb that goes.
    #[inline(always)]
    fn reduce(mut t: [u64; 8]) -> Self {
        let mut over = false;
        let mut i = 0;
        while i < 4 {
            let m = t[i];
            // m·(2⁶⁴ − 1) + m = m·2⁶⁴: the limb itself becomes zero and m is carried to the next.
            let (x, c) = m.carrying_mul_add(C::P[1] + 1, t[i + 1], 0);
            t[i + 1] = x;
            let (x, c) = m.carrying_mul_add(C::P[2], t[i + 2], c);
            t[i + 2] = x;
            let (x, c) = m.carrying_mul_add(C::P[3], t[i + 3], c);
            t[i + 3] = x;
            let (x, c) = t[i + 4].carrying_add(c, over);
            t[i + 4] = x;
            over = c;
            i += 1;
        }
        Self::raw(once([t[4], t[5], t[6], t[7]], over, C::P))
    }

    /// The inverse by Fermat's little theorem; zero of zero. Only used to make tables.
    pub(super) fn invert(self) -> Self {
        let exponent = subtract(C::P, [2, 0, 0, 0]).0;
        let mut result = Self::one();
        for limb in exponent.into_iter().rev() {
            for bit in (0..64).rev() {
                result = result.square();
                if limb >> bit & 1 == 1 {
                    result = result.mul(self);
                }
            }
        }
        result
    }
}
