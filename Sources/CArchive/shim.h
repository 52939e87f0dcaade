#include <archive.h>
#include <archive_entry.h>
// libarchive's own gzip filter checks neither the CRC nor what follows the last member.
#include <zlib.h>
#include <zstd.h>
