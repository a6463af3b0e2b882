// What a torch file may hold here. Real files stay far below. Crafted ones get an error before they cost memory.

/** An entry of the zip's directory takes about 90 bytes: this is some 10^5 of them. */
export const MAX_DIRECTORY_BYTES = 16 * 1024 * 1024;
/** Tensors of a file that share no storage have a record each. */
export const MAX_RECORDS = 100_000;
/** The pickle of 1,000 tensors takes about 100 kB. */
export const MAX_PICKLE_BYTES = 32 * 1024 * 1024;
/** A tensor takes about 30. */
export const MAX_OPERATIONS = 6_000_000;
/** Dictionaries, lists, tuples and objects; a tensor takes 4 of them. */
export const MAX_CONTAINERS = 1_000_000;
/** On the machine's stack; a dictionary is filled a thousand entries at a time. */
export const MAX_STACK = 1_000_000;
/** Dictionaries inside dictionaries that are looked at for tensors. */
export const MAX_DEPTH = 6;
/** Entries of all dictionaries that are looked at: one that holds itself, or another many times, has no end. */
export const MAX_ENTRIES = 500_000;
export const MAX_TENSORS = 100_000;
/** Far more than any module path; keeps error messages readable. */
export const MAX_NAME_LENGTH = 1024;
/** torch's own limit is 64. */
export const MAX_RANK = 64;
/** A tensor that repeats its numbers (stride 0) may become larger than its storage, up to this many bytes. */
export const MAX_EXPANDED_BYTES = 64 * 1024 * 1024;
