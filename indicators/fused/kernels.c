/* Passes over float32 maps whose channels lie innermost (channels_last), compiled once for each
   instruction set. `level` says which of them this processor runs; its number ends the names. */
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define LEVEL 3
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vpopcntdq,avx2,fma,popcnt")))
#include "passes.h"
#undef LEVEL
#undef TARGET
#define LEVEL 2
#define TARGET __attribute__((target("avx2,fma,popcnt")))
#include "passes.h"
#undef LEVEL
#undef TARGET

int level(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("popcnt"))
    return 1;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vpopcntdq")
             ? 3
             : 2;
}
#else
int level(void) { return 1; }
#endif

/* To be raised with every change of a pass or its arguments, here and in kernels.py. */
int version(void) { return 3; }

#define LEVEL 1
#define TARGET
#include "passes.h"
