import "reflect-metadata";
import { Logger } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { AppModule } from "./app.module.js";
import { readConfig } from "./config.js";
import { configure } from "./configure.js";

const { host, port } = readConfig(process.env);
const app = await NestFactory.create<NestExpressApplication>(AppModule);
app.disable("x-powered-by");
configure(app);
await app.listen(port, host);
new Logger("main").log(`Listening on ${await app.getUrl()}`);
