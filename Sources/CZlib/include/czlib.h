// What Lodge uses of zlib, without zlib's own header: that one brings half of the C library into its module.
#ifndef LODGE_CZLIB_H
#define LODGE_CZLIB_H
#include <stddef.h>
#include <stdint.h>

uint32_t lodge_crc32(uint32_t seed, const uint8_t *bytes, size_t count);

// A raw deflate stream that is used again and again; NULL when there is no memory.
typedef struct lodge_deflater lodge_deflater;
lodge_deflater *lodge_deflater_new(int level, int window_bits, int memory_level);
void lodge_deflater_free(lodge_deflater *deflater);
// The bytes written, or 0 when they do not fit. Whoever inflates them needs the same dictionary, which may have no bytes.
size_t lodge_deflate(lodge_deflater *deflater, const uint8_t *dictionary, size_t dictionary_count, const uint8_t *input,
                     size_t input_count, uint8_t *output, size_t output_count);

typedef struct lodge_inflater lodge_inflater;
lodge_inflater *lodge_inflater_new(int window_bits);
void lodge_inflater_free(lodge_inflater *inflater);
// 1 when the input is one whole stream that gives exactly so many bytes.
int lodge_inflate(lodge_inflater *inflater, const uint8_t *dictionary, size_t dictionary_count, const uint8_t *input,
                  size_t input_count, uint8_t *output, size_t output_count);
#endif
