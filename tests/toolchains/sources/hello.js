addEventListener('fetch', (event) => {
  const { pathname } = new URL(event.request.url);
  event.respondWith(new Response(`hello ${pathname}`, { headers: { 'x-made-by': 'javascript' } }));
});
