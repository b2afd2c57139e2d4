import { Transform } from "class-transformer";
import { IsString, Length } from "class-validator";

/** Who is to be greeted. */
export class CreateGreetingDto {
  @Transform(({ value }: { value: unknown }) => (typeof value === "string" ? value.trim() : value))
  @IsString()
  @Length(1, 80)
  readonly name!: string;
}
