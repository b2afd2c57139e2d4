/** Where the server listens. */
export interface Config {
  host: string;
  port: number;
}

/** Reads the configuration; an error names the variable that is wrong. */
export function readConfig({ HOST = "127.0.0.1", PORT = "3000" }: NodeJS.ProcessEnv): Config {
  if (HOST === "") {
    throw new Error("HOST must not be empty");
  }
  const port = /^\d+$/.test(PORT) ? Number(PORT) : Number.NaN;
  if (!(port <= 65_535)) {
    throw new Error(`PORT must be a number up to 65535, not "${PORT}"`);
  }
  return { host: HOST, port };
}
