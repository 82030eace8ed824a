//! A G.722 encoder at 64 kbit/s (ITU-T G.722 3): two bands by a quadrature mirror filter, each coded as adaptive
//! differential PCM, six bits for the lower and two for the higher one. Names follow the Recommendation.

/// The encoder's memory.
pub(crate) struct Encoder {
    /// The last 24 samples, oldest first.
    delayed: [i32; 24],
    low: Band,
    high: Band,
}

/// The adaptive predictor and scale factor of one band (G.722 3.5, 3.6).
struct Band {
    /// Logarithm of the scale factor.
    nb: i32,
    /// The scale factor.
    det: i32,
    /// The prediction.
    s: i32,
    /// Its part by the zeros.
    sz: i32,
    /// The last two reconstructed signals and partial reconstructions, newest first.
    r: [i32; 2],
    p: [i32; 2],
    /// Poles and zeros.
    a: [i32; 2],
    b: [i32; 6],
    /// The last quantised differences, newest first.
    d: [i32; 6],
}

impl Encoder {
    pub(crate) fn new() -> Encoder {
        Encoder { delayed: [0; 24], low: Band::new(32), high: Band::new(8) }
    }

    /// The code word of two samples of 16 bits at 16 kHz.
    pub(crate) fn encode(&mut self, pair: [i16; 2]) -> u8 {
        self.delayed.copy_within(2.., 0);
        self.delayed[22] = pair[0].into();
        self.delayed[23] = pair[1].into();
        let (mut odd, mut even) = (0, 0);
        for (at, taps) in self.delayed.chunks(2).enumerate() {
            odd += taps[0] * QMF[at];
            even += taps[1] * QMF[11 - at];
        }
        let (low, high) = ((even + odd) >> 14, (even - odd) >> 14);
        (self.high.code_high(high) << 6) | self.low.code_low(low)
    }
}

impl Band {
    fn new(det: i32) -> Band {
        Band { nb: 0, det, s: 0, sz: 0, r: [0; 2], p: [0; 2], a: [0; 2], b: [0; 6], d: [0; 6] }
    }

    fn code_low(&mut self, signal: i32) -> u8 {
        let difference = saturate(signal - self.s);
        let magnitude = if difference >= 0 { difference } else { -(difference + 1) };
        let level =
            Q6[1..30].iter().position(|edge| magnitude < (edge * self.det) >> 12).map_or(30, |at| at + 1);
        // Codes of negative differences count down from 63, the two largest wrap to 31 and below.
        let code = match (difference < 0, level) {
            (true, 1..=2) => 64 - level,
            (true, _) => 34 - level,
            (false, _) => 62 - level,
        };
        let step = code >> 2;
        let quantised = (self.det * QM4[step]) >> 15;
        self.scale(WL[RL42[step]], 18_432, 8);
        self.predict(quantised);
        code as u8
    }

    fn code_high(&mut self, signal: i32) -> u8 {
        let difference = saturate(signal - self.s);
        let magnitude = if difference >= 0 { difference } else { -(difference + 1) };
        let is_large = magnitude >= (564 * self.det) >> 12;
        let code = match (difference < 0, is_large) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        };
        let quantised = (self.det * QM2[code]) >> 15;
        self.scale(if is_large { 798 } else { -214 }, 22_528, 10);
        self.predict(quantised);
        code as u8
    }

    /// Adapts the scale factor (G.722 3.5).
    fn scale(&mut self, step: i32, most: i32, shift: i32) {
        self.nb = (((self.nb * 127) >> 7) + step).clamp(0, most);
        let mantissa = ILB[((self.nb >> 6) & 31) as usize];
        let exponent = shift - (self.nb >> 11);
        self.det = if exponent < 0 { mantissa << -exponent } else { mantissa >> exponent } << 2;
    }

    /// Adapts the predictor to the quantised difference and predicts the next sample (G.722 3.6).
    fn predict(&mut self, d: i32) {
        let r = saturate(self.s + d);
        let p = saturate(self.sz + d);
        let same = |a: i32, b: i32| (a < 0) == (b < 0);
        let doubled = saturate(self.a[0] << 2);
        let towards = if same(p, self.p[0]) { -doubled } else { doubled }.min(32_767);
        let second = if same(p, self.p[1]) { 128 } else { -128 };
        let a2 = (second + (towards >> 7) + ((self.a[1] * 32_512) >> 15)).clamp(-12_288, 12_288);
        let first = if same(p, self.p[0]) { 192 } else { -192 };
        let limit = saturate(15_360 - a2);
        let a1 = saturate(first + ((self.a[0] * 32_640) >> 15)).clamp(-limit, limit);
        let gain = if d == 0 { 0 } else { 128 };
        for (zero, old) in self.b.iter_mut().zip(self.d) {
            let step = if same(old, d) { gain } else { -gain };
            *zero = saturate(step + ((*zero * 32_640) >> 15));
        }
        self.d.copy_within(..5, 1);
        self.d[0] = d;
        (self.a, self.r, self.p) = ([a1, a2], [r, self.r[0]], [p, self.p[0]]);
        let pole = |a: i32, r: i32| (a * saturate(r * 2)) >> 15;
        let sp = saturate(pole(self.a[0], self.r[0]) + pole(self.a[1], self.r[1]));
        self.sz = saturate(self.b.iter().zip(self.d).map(|(zero, d)| (zero * saturate(d * 2)) >> 15).sum());
        self.s = saturate(sp + self.sz);
    }
}

fn saturate(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

/// Half of the filter's 24 coefficients (G.722 table 11).
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// Decision levels of the lower band (G.722 table 14).
const Q6: [i32; 30] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121,
    1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// Output of the inverse quantisers with four and two bits (G.722 tables 15, 16).
const QM4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];
/// Steps of the lower band's scale factor, and which of them a code takes.
const WL: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1198, 3042];
const RL42: [usize; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];
/// Powers of two in 32 steps.
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
