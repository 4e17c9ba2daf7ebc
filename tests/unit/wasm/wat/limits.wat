;; Guests that misbehave: an endless loop, memory without end, recursion, a trap.
(component
  (core module $m
    (memory (export "mem") 1)
    (func $loop (export "loop") (loop $l (br $l)))
    (func $hog (export "hog")
      (loop $l
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
        (br $l)))
    (func $dive (export "dive") (call $dive))
    (func $divide (export "divide") (param i32 i32) (result i32)
      (i32.div_u (local.get 0) (local.get 1))))
  (core instance $i (instantiate $m))
  (func (export "loop") (canon lift (core func $i "loop")))
  (func (export "hog") (canon lift (core func $i "hog")))
  (func (export "dive") (canon lift (core func $i "dive")))
  (func (export "divide") (param "a" u32) (param "b" u32) (result u32)
    (canon lift (core func $i "divide"))))
