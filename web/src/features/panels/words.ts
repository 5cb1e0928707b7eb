// What fields for several words have in common: each counts as it is written.

/** `NULL` is another word than `null`. */
const isDuplicate = (word: string, words: string[]): boolean => words.includes(word);

/** Texts may hold any character: one ends with Enter, and lines that are pasted are one each. */
export const EXACT_WORDS = { isDuplicate, splitChars: ['\n', '\r'] };

/** Days and times hold no comma: where one is typed, the next begins. */
export const EXACT_TIMES = { isDuplicate, splitChars: [',', ';', '\n', '\r'] };

/** Numbers hold no space either. */
export const EXACT_NUMBERS = { isDuplicate, splitChars: [',', ';', ' ', '\n', '\r'] };
