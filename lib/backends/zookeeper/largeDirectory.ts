/** Warned of before 1,048,575 bytes of names, at which Java clients with default settings stop reading a directory. */
export const LARGE_DIRECTORY_BYTES = 800_000;
