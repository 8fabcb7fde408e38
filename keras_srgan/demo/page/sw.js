// Keeps the page's files, so that it opens without a network, and answers with the headers that a plain host lacks:
// one that lets WebAssembly use threads, and one that forbids every other address.

const PAGE = "__PAGE__"; // changes with the files
const FILES = __FILES__;
const HEADERS = __HEADERS__;

self.addEventListener("install", (event) => {
  const fill = async () => {
    const store = await caches.open(PAGE);
    const wanted = self.navigator.gpu ? FILES : FILES.filter((file) => !/asyncify|webgpu/.test(file));
    await store.addAll(wanted.map((file) => new Request(file, { cache: "no-cache" })));
    await self.skipWaiting();
  };
  event.waitUntil(fill());
});

self.addEventListener("activate", (event) => {
  const clean = async () => {
    for (const name of await caches.keys()) if (name.startsWith("keras-srgan-") && name !== PAGE) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(clean());
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || !event.request.url.startsWith(self.registration.scope)) return;
  const answer = async () => {
    const store = await caches.open(PAGE);
    const found = (await store.match(event.request, { ignoreSearch: true })) ?? (await fetch(event.request));
    const headers = new Headers(found.headers);
    for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
    return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
  };
  event.respondWith(answer());
});
