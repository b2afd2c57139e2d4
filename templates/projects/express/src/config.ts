import { z } from "zod";

const Environment = z.object({
  HOST: z.string().min(1).default("127.0.0.1"),
  PORT: z
    .string()
    .regex(/^\d+$/, "must be a number")
    .transform(Number)
    .pipe(z.number().max(65_535))
    .default(3000),
});

/** Where the server listens. */
export interface Config {
  host: string;
  port: number;
}

/** Reads the configuration; an error names the variable that is wrong. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    throw new Error(`The environment is not valid:\n${z.prettifyError(parsed.error)}`);
  }
  return { host: parsed.data.HOST, port: parsed.data.PORT };
}
