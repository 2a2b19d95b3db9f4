/* sqlite_vec.c - sqlite-vec in the same SQLite, beside the embedded store: bench_sqlite_vec LIBRARY
 * DATA DIMENSIONS. What it prints is JSON for knowledge.py. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct floats {
    float *all;
    size_t count;
};

static struct floats read_floats(const char *folder, const char *name, size_t dimensions)
{
    char path[1000];
    struct floats floats = {0};

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    floats.all = malloc(size);
    if (floats.all && fread(floats.all, 1, size, file) == size)
        floats.count = size / dimensions / sizeof(float);
    fclose(file);
    return floats;
}

static double worked(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* sqlite-vec, in the same SQLite: milliseconds a query. */
static int run(const char *library, const char *folder, size_t dimensions)
{
    enum { ASKED = 30 };
    sqlite3 *db;
    sqlite3_stmt *statement;
    char sql[200], *problem = NULL;

    struct floats vectors = read_floats(folder, "vectors.f32", dimensions);
    struct floats queries = read_floats(folder, "queries.f32", dimensions);
    sqlite3_open(":memory:", &db);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    if (sqlite3_load_extension(db, library, "sqlite3_vec_init", &problem) != SQLITE_OK) {
        fprintf(stderr, "bench_sqlite_vec: %s\n", problem);
        return 1;
    }
    (void)snprintf(sql, sizeof sql,
                   "CREATE VIRTUAL TABLE v USING vec0(e float[%zu] distance_metric=cosine)",
                   dimensions);
    sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    sqlite3_prepare_v2(db, "INSERT INTO v (e) VALUES (?)", -1, &statement, NULL);
    for (size_t i = 0; i < vectors.count; i++) {
        sqlite3_bind_blob(statement, 1, vectors.all + i * dimensions,
                          (int)(dimensions * sizeof(float)), SQLITE_STATIC);
        sqlite3_step(statement);
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    sqlite3_prepare_v2(db, "SELECT rowid FROM v WHERE e MATCH ? AND k = 10", -1, &statement, NULL);
    double before = worked();
    size_t found = 0;
    for (size_t i = 0; i < ASKED; i++) {
        sqlite3_bind_blob(statement, 1, queries.all + i * dimensions,
                          (int)(dimensions * sizeof(float)), SQLITE_STATIC);
        while (sqlite3_step(statement) == SQLITE_ROW)
            found++;
        sqlite3_reset(statement);
    }
    printf("{\"ms\": %.4f, \"found\": %zu}\n", (worked() - before) / ASKED * 1000, found);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return 0;
}

int main(int count, char **arguments)
{
    if (count == 4)
        return run(arguments[1], arguments[2], strtoul(arguments[3], NULL, 10));
    fprintf(stderr, "usage: bench_sqlite_vec LIBRARY DATA DIMENSIONS\n");
    return 2;
}
