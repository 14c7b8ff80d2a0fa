#include "czlib.h"

#include <stdlib.h>
#include <zlib.h>

struct lodge_deflater { z_stream stream; };
struct lodge_inflater { z_stream stream; };

uint32_t lodge_crc32(uint32_t seed, const uint8_t *bytes, size_t count) {
    // zlib takes a null pointer for "begin anew", whatever the seed.
    return count == 0 ? seed : (uint32_t)crc32_z(seed, bytes, count);
}

lodge_deflater *lodge_deflater_new(int level, int window_bits, int memory_level) {
    lodge_deflater *deflater = calloc(1, sizeof *deflater);
    if (!deflater) return NULL;
    if (deflateInit2(&deflater->stream, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(deflater);
        return NULL;
    }
    return deflater;
}

void lodge_deflater_free(lodge_deflater *deflater) {
    deflateEnd(&deflater->stream);
    free(deflater);
}

size_t lodge_deflate(lodge_deflater *deflater, const uint8_t *dictionary, size_t dictionary_count, const uint8_t *input,
                     size_t input_count, uint8_t *output, size_t output_count) {
    z_stream *stream = &deflater->stream;
    deflateReset(stream);
    if (dictionary_count > 0 && deflateSetDictionary(stream, dictionary, (uInt)dictionary_count) != Z_OK) return 0;
    stream->next_in = (Bytef *)input;
    stream->avail_in = (uInt)input_count;
    stream->next_out = output;
    stream->avail_out = (uInt)output_count;
    if (deflate(stream, Z_FINISH) != Z_STREAM_END) return 0;
    return output_count - stream->avail_out;
}

lodge_inflater *lodge_inflater_new(int window_bits) {
    lodge_inflater *inflater = calloc(1, sizeof *inflater);
    if (!inflater) return NULL;
    if (inflateInit2(&inflater->stream, window_bits) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

void lodge_inflater_free(lodge_inflater *inflater) {
    inflateEnd(&inflater->stream);
    free(inflater);
}

int lodge_inflate(lodge_inflater *inflater, const uint8_t *dictionary, size_t dictionary_count, const uint8_t *input,
                  size_t input_count, uint8_t *output, size_t output_count) {
    z_stream *stream = &inflater->stream;
    uint8_t none;
    inflateReset(stream);
    // Of a raw stream nothing says which dictionary it needs, so it is given before the first byte.
    if (dictionary_count > 0 && inflateSetDictionary(stream, dictionary, (uInt)dictionary_count) != Z_OK) return 0;
    stream->next_in = (Bytef *)input;
    stream->avail_in = (uInt)input_count;
    stream->next_out = output_count > 0 ? output : &none;
    stream->avail_out = (uInt)output_count;
    return inflate(stream, Z_FINISH) == Z_STREAM_END && stream->avail_in == 0 && stream->avail_out == 0;
}
