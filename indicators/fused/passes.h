/* The passes, for the instruction set TARGET. Included by kernels.c once for each LEVEL. */
#define JOINED(name, number) name##_##number
#define NAMED(name, number) JOINED(name, number)
#define PASS(name) NAMED(name, LEVEL)
#define INLINE static inline __attribute__((always_inline)) TARGET

/* The signs of 64 numbers: bit i is set where t[i] > 0. */
INLINE uint64_t PASS(signs)(const float* t) {
  uint64_t word = 0;
#if LEVEL == 3
  const __m512 zero = _mm512_setzero_ps();
  for (int i = 0; i < 4; i++)
    word |= (uint64_t)_mm512_cmp_ps_mask(_mm512_loadu_ps(t + 16 * i), zero, _CMP_GT_OQ) << (16 * i);
#elif LEVEL == 2
  const __m256 zero = _mm256_setzero_ps();
  for (int i = 0; i < 8; i++)
    word |= (uint64_t)(unsigned)_mm256_movemask_ps(
                _mm256_cmp_ps(_mm256_loadu_ps(t + 8 * i), zero, _CMP_GT_OQ))
            << (8 * i);
#else
  for (int i = 0; i < 64; i++) word |= (uint64_t)(t[i] > 0) << i;
#endif
  return word;
}

INLINE void PASS(moments)(const float* x, int64_t rows, int64_t stride, int width, double* sum,
                          double* squares, const float* shift) {
  float s[32] = {0}, q[32] = {0};
  for (int64_t r = 0; r < rows; r++)
    for (int c = 0; c < width; c++) {
      const float v = x[r * stride + c] - shift[c];
      s[c] += v;
      q[c] += v * v;
    }
  for (int c = 0; c < width; c++) {
    sum[c] += s[c];
    squares[c] += q[c];
  }
}

/* Mean and variance (divided by the number of rows) of each of C columns of (rows, C).
   Sums of up to 128 rows are float32, shifted by the first row; sums of those are float64.
   Few columns are read as 32, several rows at once: 16 would wait for their own last sums. */
TARGET void PASS(statistics)(const float* x, int64_t rows, int64_t C, double* mean, double* var) {
  const int64_t together = C < 32 && 32 % C == 0 ? 32 / C : 1;
  float first[32];
  for (int64_t i = 0; i < 32; i++) first[i] = x[i % C];
  for (int64_t c = 0; c < C; c++) mean[c] = var[c] = 0;
  for (int64_t r = 0; r < rows; r += 128) {
    const int64_t n = r + 128 < rows ? 128 : rows - r;
    int64_t c = 0;
    if (together > 1 && n % together == 0) {
      double sum[32] = {0}, squares[32] = {0};
      PASS(moments)(x + r * C, n / together, 32, 32, sum, squares, first);
      for (; c < 32; c++) {
        mean[c % C] += sum[c];
        var[c % C] += squares[c];
      }
      continue;
    }
    for (; c + 32 <= C; c += 32)
      PASS(moments)(x + r * C + c, n, C, 32, mean + c, var + c, x + c);
    for (; c + 16 <= C; c += 16)
      PASS(moments)(x + r * C + c, n, C, 16, mean + c, var + c, x + c);
    for (; c < C; c++) PASS(moments)(x + r * C + c, n, C, 1, mean + c, var + c, x + c);
  }
  for (int64_t c = 0; c < C; c++) {
    const double m = mean[c] / rows, v = var[c] / rows - m * m;
    mean[c] = m + x[c];
    var[c] = v > 0 ? v : (v != v ? v : 0);
  }
}

/* One block of PASS(node): t = the sum of the first `n` terms, n known to the compiler, then of the
   others up to `all`, which are added one at a time to numbers that stay in the cache. */
INLINE void PASS(chunk)(int n, int all, int size, const float** in, const float** scale,
                        const float** shift, int64_t at, int64_t c, float cap, float* out,
                        float* relu, float* t) {
  for (int i = 0; i < size; i++) {
    float v = in[0][at + i] * scale[0][c + i] + shift[0][c + i];
    for (int k = 1; k < n; k++) v += in[k][at + i] * scale[k][c + i] + shift[k][c + i];
    t[i] = v;
  }
  for (int k = n; k < all; k++) {
    const float *a = in[k] + at, *f = scale[k] + c, *s = shift[k] + c;
    for (int i = 0; i < size; i++) t[i] += a[i] * f[i] + s[i];
  }
  if (out) memcpy(out + at, t, size * sizeof(float));
  if (relu)
    for (int i = 0; i < size; i++) {
      const float v = 0 > t[i] ? 0 : t[i]; /* NaN stays NaN */
      relu[at + i] = v > cap ? cap : v;
    }
}

/* out = sum over k of in[k] * scale[k] + shift[k], its ReLU, and the bits of out > 0.
   Each of B samples has `units` numbers and ceil(units / 64) words of bits; scale and shift hold
   `period` numbers, a multiple of 64, after which they repeat. What is NULL is not written. */
TARGET void PASS(node)(int64_t B, int64_t units, int64_t period, int n, const float** in,
                       const float** scale, const float** shift, float cap, float* out, float* relu,
                       uint64_t* bits) {
  const int64_t words = (units + 63) / 64;
  for (int64_t b = 0; b < B; b++) {
    int64_t u = 0, c = 0;
    for (int64_t w = 0; w < words; w++, u += 64) {
      float t[64];
      const int64_t at = b * units + u;
      if (u + 64 <= units) {
        if (n == 1)
          PASS(chunk)(1, 1, 64, in, scale, shift, at, c, cap, out, relu, t);
        else if (n == 2)
          PASS(chunk)(2, 2, 64, in, scale, shift, at, c, cap, out, relu, t);
        else
          PASS(chunk)(3, n, 64, in, scale, shift, at, c, cap, out, relu, t);
      } else {
        memset(t, 0, sizeof t);
        PASS(chunk)(1, n, (int)(units - u), in, scale, shift, at, c, cap, out, relu, t);
      }
      if (bits) bits[b * words + w] = PASS(signs)(t);
      c = c + 64 < period ? c + 64 : 0;
    }
  }
}

/* Averages of 3 x 3 neighbours of (N, H, W, C), those outside left out of the count.
   `columns` is room for W * C numbers. */
TARGET void PASS(average3)(const float* x, int64_t N, int64_t H, int64_t W, int64_t C,
                           float* columns, float* out) {
  const int64_t row = W * C;
  for (int64_t n = 0; n < N; n++)
    for (int64_t h = 0; h < H; h++) {
      const float* middle = x + (n * H + h) * row;
      const int above = h > 0, below = h + 1 < H;
      if (above && below)
        for (int64_t i = 0; i < row; i++)
          columns[i] = middle[i - row] + middle[i] + middle[i + row];
      else if (above)
        for (int64_t i = 0; i < row; i++) columns[i] = middle[i - row] + middle[i];
      else if (below)
        for (int64_t i = 0; i < row; i++) columns[i] = middle[i] + middle[i + row];
      else
        memcpy(columns, middle, row * sizeof(float));
      float* to = out + (n * H + h) * row;
      const int height = 1 + above + below;
      for (int64_t w = 0; w < W; w++, to += C) {
        const float* at = columns + w * C;
        const int left = w > 0, right = w + 1 < W;
        const float factor = 1.0f / (float)(height * (1 + left + right));
        if (left && right)
          for (int64_t c = 0; c < C; c++) to[c] = (at[c - C] + at[c] + at[c + C]) * factor;
        else if (left)
          for (int64_t c = 0; c < C; c++) to[c] = (at[c - C] + at[c]) * factor;
        else if (right)
          for (int64_t c = 0; c < C; c++) to[c] = (at[c] + at[c + C]) * factor;
        else
          for (int64_t c = 0; c < C; c++) to[c] = at[c] * factor;
      }
    }
}

/* In how many of the bits of `words` words a and b differ. */
INLINE int64_t PASS(differing)(const uint64_t* a, const uint64_t* b, int64_t words) {
  int64_t k = 0, total = 0;
#if LEVEL == 3
  __m512i sum = _mm512_setzero_si512();
  for (; k + 8 <= words; k += 8)
    sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(a + k),
                                                                     _mm512_loadu_si512(b + k))));
  total = _mm512_reduce_add_epi64(sum);
#elif LEVEL == 2
  const __m256i low = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                          2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  __m256i sum = zero;
  while (k + 4 <= words) {
    __m256i bytes = zero; /* each at most 8 a step, so 31 steps fit */
    for (int step = 0; step < 31 && k + 4 <= words; step++, k += 4) {
      const __m256i v = _mm256_xor_si256(_mm256_loadu_si256((const __m256i*)(a + k)),
                                         _mm256_loadu_si256((const __m256i*)(b + k)));
      const __m256i lower = _mm256_shuffle_epi8(counts, _mm256_and_si256(v, low));
      const __m256i upper =
          _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(v, 4), low));
      bytes = _mm256_add_epi8(bytes, _mm256_add_epi8(lower, upper));
    }
    sum = _mm256_add_epi64(sum, _mm256_sad_epu8(bytes, zero));
  }
  int64_t parts[4];
  _mm256_storeu_si256((__m256i*)parts, sum);
  total = parts[0] + parts[1] + parts[2] + parts[3];
#endif
  for (; k < words; k++) total += __builtin_popcountll(a[k] ^ b[k]);
  return total;
}

/* agreeing[i, j] = units - the number of bits in which samples i and j differ, (B, B). */
TARGET void PASS(agreement)(const uint64_t* bits, int64_t B, int64_t words, int64_t units,
                            double* agreeing) {
  for (int64_t i0 = 0; i0 < B; i0 += 8) /* eight rows stay in the cache */
    for (int64_t j = i0; j < B; j++)
      for (int64_t i = i0; i < i0 + 8 && i <= j; i++) {
        const int64_t d = PASS(differing)(bits + i * words, bits + j * words, words);
        agreeing[i * B + j] = agreeing[j * B + i] = (double)(units - d);
      }
}

/* The pattern of each unit over the samples: bit b of patterns[u] is bit u of sample b < 64. */
TARGET void PASS(transpose)(const uint64_t* bits, int64_t B, int64_t words, int64_t units,
                            uint64_t* patterns) {
  for (int64_t w = 0; w < words; w++) {
    uint64_t m[64];
    for (int64_t b = 0; b < 64; b++) m[b] = b < B ? bits[b * words + w] : 0;
    uint64_t mask = 0x00000000FFFFFFFFull;
    for (int j = 32; j; j >>= 1, mask ^= mask << j)
      for (int k = 0; k < 64; k = (k + j + 1) & ~j) {
        const uint64_t swapped = ((m[k] >> j) ^ m[k + j]) & mask;
        m[k] ^= swapped << j;
        m[k + j] ^= swapped;
      }
    const int64_t n = units - 64 * w < 64 ? units - 64 * w : 64;
    memcpy(patterns + 64 * w, m, n * sizeof(uint64_t));
  }
}

#undef JOINED
#undef NAMED
#undef PASS
#undef INLINE
