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

/* The backward pass of batch normalisation with its own statistics, for I cotangents of maps whose
   channels lie outermost, (I, C, M): out = scale * (d - mean d - normalised * mean(d normalised));
   slopes[i, c] = sum(d normalised). Sums of 1024 numbers are float32, sums of those float64. */
TARGET void PASS(norm_backward)(const float* d, const float* normalised, const float* scale,
                                int64_t I, int64_t C, int64_t M, float* out, float* slopes) {
  for (int64_t i = 0; i < I; i++)
    for (int64_t c = 0; c < C; c++, d += M, out += M) {
      const float* x = normalised + c * M;
      double sum = 0, product = 0;
      for (int64_t u = 0; u < M; u += 1024) {
        const int64_t end = u + 1024 < M ? u + 1024 : M;
        float s[16] = {0}, p[16] = {0};
        int64_t v = u;
        for (; v + 16 <= end; v += 16)
          for (int k = 0; k < 16; k++) {
            s[k] += d[v + k];
            p[k] += d[v + k] * x[v + k];
          }
        for (; v < end; v++) {
          s[0] += d[v];
          p[0] += d[v] * x[v];
        }
        for (int k = 0; k < 16; k++) {
          sum += s[k];
          product += p[k];
        }
      }
      slopes[i * C + c] = (float)product;
      const float f = scale[c], mean = (float)(sum / M), slope = (float)(product / M);
      for (int64_t u = 0; u < M; u++) out[u] = f * (d[u] - mean - x[u] * slope);
    }
}

/* One row of W = 8 V numbers of n maps from `weights`, of the rows of B zero-padded maps. */
typedef float NAMED(eight, LEVEL) __attribute__((vector_size(32), aligned(4), may_alias));
INLINE void PASS(row3)(int V, int n, int64_t B, const float* rows, int64_t map, int64_t row,
                       const float* weights, float** out) {
  NAMED(eight, LEVEL) t[8] = {0};
  for (int64_t b = 0; b < B; b++)
    for (int k = 0; k < 9; k++) {
      const float* at = rows + b * map + k / 3 * row + k % 3;
      for (int v = 0; v < V; v++) {
        const NAMED(eight, LEVEL) x = *(const NAMED(eight, LEVEL)*)(at + 8 * v);
        for (int a = 0; a < n; a++) t[a * V + v] += weights[(a * B + b) * 9 + k] * x;
      }
    }
  for (int a = 0; a < n; a++)
    for (int v = 0; v < V; v++) *(NAMED(eight, LEVEL)*)(out[a] + 8 * v) = t[a * V + v];
}

/* out[i, a, n] = sum over b of the 3 x 3 correlation of in[i, b, n] with weights[a, b], zeros
   around the maps of H x W numbers. `padded` is room for B (H + 2) (W + 2) numbers, all zero. */
TARGET void PASS(correlate3)(const float* in, const float* weights, int64_t I, int64_t A, int64_t B,
                             int64_t N, int64_t H, int64_t W, float* padded, float* out) {
  const int64_t row = W + 2, map = (H + 2) * row;
  for (int64_t i = 0; i < I; i++)
    for (int64_t n = 0; n < N; n++) {
      for (int64_t b = 0; b < B; b++)
        for (int64_t h = 0; h < H; h++)
          memcpy(padded + b * map + (h + 1) * row + 1, in + (((i * B + b) * N + n) * H + h) * W,
                 W * sizeof(float));
      for (int64_t h = 0; h < H; h++) {
        const float* rows = padded + h * row;
        int64_t a = 0;
        for (; (W == 32 || W == 16 || W == 8) && a < A;) {
          const float* w = weights + a * B * 9;
          const int pair = a + 2 <= A;
          float* to[2];
          for (int k = 0; k < 2; k++) to[k] = out + (((i * A + a + k) * N + n) * H + h) * W;
          if (W == 32 && pair)
            PASS(row3)(4, 2, B, rows, map, row, w, to);
          else if (W == 32)
            PASS(row3)(4, 1, B, rows, map, row, w, to);
          else if (W == 16 && pair)
            PASS(row3)(2, 2, B, rows, map, row, w, to);
          else if (W == 16)
            PASS(row3)(2, 1, B, rows, map, row, w, to);
          else if (pair)
            PASS(row3)(1, 2, B, rows, map, row, w, to);
          else
            PASS(row3)(1, 1, B, rows, map, row, w, to);
          a += 1 + pair;
        }
        for (; a < A; a++) { /* other widths */
          float* to = out + (((i * A + a) * N + n) * H + h) * W;
          for (int64_t x = 0; x < W; x++) to[x] = 0;
          for (int64_t b = 0; b < B; b++)
            for (int k = 0; k < 9; k++) {
              const float f = weights[(a * B + b) * 9 + k];
              const float* at = rows + b * map + k / 3 * row + k % 3;
              for (int64_t x = 0; x < W; x++) to[x] += f * at[x];
            }
        }
      }
    }
}

/* Sums over H rows of d[a] * x[k], for n maps a and three shifts k of x; added to sums[3 a + k]. */
INLINE void PASS(shifts3)(int V, int n, int64_t H, int64_t row, const float** d, const float* x,
                          double* sums) {
  NAMED(eight, LEVEL) t[6] = {0};
  for (int64_t h = 0; h < H; h++)
    for (int v = 0; v < V; v++)
      for (int k = 0; k < 3; k++) {
        const NAMED(eight, LEVEL) at = *(const NAMED(eight, LEVEL)*)(x + h * row + 8 * v + k);
        for (int a = 0; a < n; a++)
          t[3 * a + k] += *(const NAMED(eight, LEVEL)*)(d[a] + 8 * (h * V + v)) * at;
      }
  for (int j = 0; j < 3 * n; j++)
    for (int u = 0; u < 8; u++) sums[j] += t[j][u];
}

/* Gradients of the weights of a 3 x 3 correlation, out (I, A, B, 3, 3), from cotangents d
   (I, A, N, H, W) and zero-padded maps x (B, N, H + 2, W + 2). */
TARGET void PASS(weights3)(const float* d, const float* x, int64_t I, int64_t A, int64_t B,
                           int64_t N, int64_t H, int64_t W, float* out) {
  const int64_t row = W + 2, size = H * W;
  for (int64_t i = 0; i < I; i++)
    for (int64_t a = 0; a < A;) {
      const int pair = a + 2 <= A;
      for (int64_t b = 0; b < B; b++)
        for (int k = 0; k < 3; k++) {
          double sums[6] = {0};
          for (int64_t n = 0; n < N; n++) {
            const float* at = x + ((b * N + n) * (H + 2) + k) * row;
            const float* of[2];
            for (int j = 0; j < 2; j++) of[j] = d + ((i * A + a + j) * N + n) * size;
            if (W == 32 && pair)
              PASS(shifts3)(4, 2, H, row, of, at, sums);
            else if (W == 32)
              PASS(shifts3)(4, 1, H, row, of, at, sums);
            else if (W == 16 && pair)
              PASS(shifts3)(2, 2, H, row, of, at, sums);
            else if (W == 16)
              PASS(shifts3)(2, 1, H, row, of, at, sums);
            else if (W == 8 && pair)
              PASS(shifts3)(1, 2, H, row, of, at, sums);
            else if (W == 8)
              PASS(shifts3)(1, 1, H, row, of, at, sums);
            else
              for (int j = 0; j < 3 * (1 + pair); j++)
                for (int64_t h = 0; h < H; h++)
                  for (int64_t w = 0; w < W; w++)
                    sums[j] += of[j / 3][h * W + w] * at[h * row + w + j % 3];
          }
          for (int j = 0; j < 3 * (1 + pair); j++)
            out[(((i * A + a + j / 3) * B + b) * 3 + k) * 3 + j % 3] = (float)sums[j];
        }
      a += 1 + pair;
    }
}

/* The backward pass of average3, on P maps of H x W numbers: each number, divided by how many its
   mean was of, added to its 3 x 3 neighbours. `columns` is room for W + 2 numbers. */
TARGET void PASS(average3_backward)(const float* d, int64_t P, int64_t H, int64_t W, float* columns,
                                    float* out) {
  columns[0] = columns[W + 1] = 0;
  for (int64_t p = 0; p < P; p++, d += H * W)
    for (int64_t h = 0; h < H; h++, out += W) {
      for (int64_t w = 0; w < W; w++) columns[w + 1] = 0;
      for (int64_t k = h > 0 ? h - 1 : 0; k <= h + 1 && k < H; k++) {
        const float part = 1.0f / (float)(1 + (k > 0) + (k + 1 < H));
        for (int64_t w = 0; w < W; w++) columns[w + 1] += part * d[k * W + w];
      }
      if (W == 1) {
        out[0] = columns[1];
        continue;
      }
      for (int64_t w = 1; w + 1 < W; w++) columns[w + 1] *= 1.0f / 3;
      columns[1] *= 0.5f;
      columns[W] *= 0.5f;
      for (int64_t w = 0; w < W; w++) out[w] = columns[w] + columns[w + 1] + columns[w + 2];
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
