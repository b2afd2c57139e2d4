import { HttpStatus, ValidationPipe, type INestApplication } from "@nestjs/common";

/** What holds for every request, in the server and in the tests alike. */
export function configure(app: INestApplication): void {
  app.useGlobalPipes(
    new ValidationPipe({
      errorHttpStatusCode: HttpStatus.UNPROCESSABLE_ENTITY,
      forbidNonWhitelisted: true,
      transform: true,
      whitelist: true,
    }),
  );
  app.enableShutdownHooks();
}
