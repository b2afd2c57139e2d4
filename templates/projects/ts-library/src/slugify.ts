/** How {@link slugify} shapes its result. */
export interface SlugifyOptions {
  /** The longest slug, in characters; words are kept whole where one fits. Default 64. */
  maxLength?: number;
}

/**
 * Turns a title into a name for a URL: lower-case ASCII letters and digits, words joined by hyphens.
 *
 * Accents are dropped (`é` becomes `e`); every other character separates words.
 *
 * @throws {RangeError} When `maxLength` is not a positive integer.
 */
export function slugify(title: string, { maxLength = 64 }: SlugifyOptions = {}): string {
  if (!Number.isInteger(maxLength) || maxLength < 1) {
    throw new RangeError(`maxLength must be a positive integer, not ${String(maxLength)}`);
  }
  const words = title
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase()
    .match(/[a-z0-9]+/g);
  let slug = "";
  for (const word of words ?? []) {
    const longer = slug === "" ? word : `${slug}-${word}`;
    if (longer.length > maxLength) {
      return slug === "" ? word.slice(0, maxLength) : slug;
    }
    slug = longer;
  }
  return slug;
}
