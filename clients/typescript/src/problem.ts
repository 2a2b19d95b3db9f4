/** What went wrong: a problem document (RFC 9457) as an exception, or a connection that broke off. */
import type { components } from "./api.js";

export type Problem = components["schemas"]["Problem"];
export type FieldError = NonNullable<Problem["errors"]>[number];

export class PatchbayError extends Error {
  override readonly name = "PatchbayError";

  constructor(
    /** HTTP's status; 0 where there was no answer, or it broke off. */
    readonly status: number,
    /** The last part of the problem's type: "not_found", "rate_limited"; "interrupted" for a broken stream. */
    readonly kind: string,
    /** A sentence for people. */
    message: string,
    /** The whole document, where there was one. */
    readonly problem?: Problem,
  ) {
    super(message);
  }

  /** The fields at fault, each with a JSON pointer. */
  get fields(): FieldError[] {
    return this.problem?.errors ?? [];
  }

  /** Seconds after which the same request may succeed; undefined: not known. */
  get retryAfter(): number | undefined {
    return this.problem?.retry_after;
  }

  static of(problem: Problem): PatchbayError {
    const kind = problem.type.slice(problem.type.lastIndexOf("/") + 1);
    return new PatchbayError(problem.status, kind, problem.detail ?? problem.title, problem);
  }

  static async from(response: Response): Promise<PatchbayError> {
    const text = await response.text().catch(() => "");
    try {
      const body = JSON.parse(text) as Problem & { error?: { message?: string } };
      if (typeof body.title === "string") return PatchbayError.of(body);
      if (body.error?.message) return new PatchbayError(response.status, "error", body.error.message);
    } catch {
      // an answer of something between us and the server
    }
    return new PatchbayError(response.status, "error", `the server answered ${response.status}`);
  }
}
