export { slugify } from "./slugify.js";
export type { SlugifyOptions } from "./slugify.js";
