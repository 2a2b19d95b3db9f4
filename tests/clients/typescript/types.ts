// types.ts - is only compiled: what must fit fits, and what must not is refused by the compiler.
import { createPatchbay, PatchbayError, type Turn, type TurnEvent } from "patchbay-client";

const patchbay = createPatchbay({ baseUrl: "http://127.0.0.1:8080", apiKey: "key" });

export async function fits(): Promise<string> {
  const { data } = await patchbay.GET("/v1/conversations", { params: { query: { limit: 10 } } });
  const titles: (string | undefined)[] | undefined = data?.conversations.map((each) => each.title);
  const turn: Turn = await patchbay.ask("Hello?", { pipeline: "talk", overrides: { temperature: 0.5 } }).done();
  await patchbay.PATCH("/v1/conversations/{id}", { params: { path: { id: turn.id } }, body: { title: "New" } });
  return `${titles?.length} ${turn.message?.text}`;
}

export function narrows(event: TurnEvent): string {
  if (event.event === "text") return event.data.delta;
  if (event.event === "source") return event.data.document ?? "";
  if (event.event === "error") return PatchbayError.of(event.data).kind;
  // @ts-expect-error an event that there is not
  if (event.event === "nothing") return "";
  return event.event;
}

export async function refused(): Promise<void> {
  // @ts-expect-error a path that there is not
  await patchbay.GET("/v1/nothing");
  // @ts-expect-error a query of the wrong type
  await patchbay.GET("/v1/conversations", { params: { query: { limit: "ten" } } });
  // @ts-expect-error a parameter of the path is missing
  await patchbay.GET("/v1/conversations/{id}", {});
  // @ts-expect-error a field of the wrong type
  await patchbay.POST("/v1/turns", { body: { message: "Hello?", overrides: { temperature: "hot" } } });
}
