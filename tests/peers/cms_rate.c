/* OpenSSL's libcrypto in process: verifies one CMS message with its chain again and again.
 *
 *     cms_rate SECONDS UNIX_TIME ROOT.der MESSAGE.der
 *
 * Each round reads the message, builds and verifies the chain to the root as of UNIX_TIME (no revocation, any purpose) and
 * verifies the signature over the content inside. Prints verifications per second of CPU; status 1 if one fails.
 */
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static unsigned char *whole(const char *path, long *length) {
    FILE *file = fopen(path, "rb");
    unsigned char *octets;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (*length = ftell(file)) < 0) return NULL;
    rewind(file);
    octets = malloc((size_t)*length);
    if (octets != NULL && fread(octets, 1, (size_t)*length, file) != (size_t)*length) octets = NULL;
    fclose(file);
    return octets;
}

static int verify(const unsigned char *message, long length, X509_STORE *store) {
    const unsigned char *at = message;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, length);
    int good = cms != NULL && CMS_verify(cms, NULL, store, NULL, NULL, CMS_BINARY) == 1;
    CMS_ContentInfo_free(cms);
    return good;
}

int main(int count, char **arguments) {
    long root_length, message_length, rounds = 0;
    const unsigned char *root_octets, *message;
    double seconds, start;
    X509_STORE *store = X509_STORE_new();
    X509 *root;
    if (count != 5 || store == NULL) return 3;
    seconds = atof(arguments[1]);
    root_octets = whole(arguments[3], &root_length);
    message = whole(arguments[4], &message_length);
    if (root_octets == NULL || message == NULL) return 3;
    root = d2i_X509(NULL, &root_octets, root_length);
    if (root == NULL || X509_STORE_add_cert(store, root) != 1) return 3;
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)atoll(arguments[2]));
    X509_STORE_set_purpose(store, X509_PURPOSE_ANY);
    if (!verify(message, message_length, store)) {
        ERR_print_errors_fp(stderr);
        return 1;
    }
    start = cpu();
    while (cpu() - start < seconds) {
        if (!verify(message, message_length, store)) return 1;
        rounds++;
    }
    printf("%f\n", (double)rounds / (cpu() - start));
    return 0;
}
