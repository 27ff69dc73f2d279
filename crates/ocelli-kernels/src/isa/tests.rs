use super::*;

/// Every operation on lanes that tell them apart, against the scalar definition.
struct EveryOperation;

impl Kernel for EveryOperation {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let a: Vec<f32> = (0..S::LANES).map(|lane| lane as f32 * 1.75 - 5.5).collect();
        let b: Vec<f32> = (0..S::LANES).map(|lane| 3.0 - lane as f32 * 0.5).collect();
        let (va, vb, vc) = (simd.load(&a), simd.load(&b), simd.splat(0.25));
        let check = |name: &str, vector: S::Vector, expected: &dyn Fn(f32, f32) -> f32| {
            let mut found = vec![0.0; S::LANES];
            simd.store(&mut found, vector);
            for lane in 0..S::LANES {
                let expected = expected(a[lane], b[lane]);
                assert!(
                    found[lane] == expected || (found[lane].is_nan() && expected.is_nan()),
                    "{} {name}, lane {lane}: found {}, expected {expected}",
                    S::NAME,
                    found[lane]
                );
            }
        };
        check("add", simd.add(va, vb), &|a, b| a + b);
        check("sub", simd.sub(va, vb), &|a, b| a - b);
        check("mul", simd.mul(va, vb), &|a, b| a * b);
        check("div", simd.div(va, vb), &|a, b| a / b);
        // All products here are exact, so fused and separate rounding agree.
        check("mul_add", simd.mul_add(va, vb, vc), &|a, b| a * b + 0.25);
        check("neg_mul_add", simd.neg_mul_add(va, vb, vc), &|a, b| 0.25 - a * b);
        check("sqrt", simd.sqrt(va), &|a, _| a.sqrt());
        check("max", simd.max(va, vb), &|a, b| if a > b { a } else { b });
        check("min", simd.min(va, vb), &|a, b| if a < b { a } else { b });
        check("select", simd.select_greater(va, vb, vc, va), &|a, b| if a > b { 0.25 } else { a });
        check("round", simd.round(va), &|a, _| a.round_ties_even());
        check("power_of_two", simd.power_of_two(simd.round(va)), &|a, _| {
            a.round_ties_even().exp2()
        });
        assert_eq!(simd.sum(va), a.iter().sum::<f32>(), "{} sum", S::NAME);
        let nan = simd.splat(f32::NAN);
        check("max of NaN", simd.max(nan, vb), &|_, b| b);
        check("select of NaN", simd.select_greater(nan, va, va, vb), &|_, b| b);
        for count in 0..=S::LANES {
            // SAFETY: `a` has LANES elements, `count` is at most that.
            let part = unsafe { simd.load_partial(a[S::LANES - count..].as_ptr(), count) };
            let mut found = vec![0.0; S::LANES];
            simd.store(&mut found, part);
            assert_eq!(found[..count], a[S::LANES - count..]);
            assert!(found[count..].iter().all(|&value| value == 0.0));
            let mut target = vec![-1.0; count + 1];
            // SAFETY: `target` has more than `count` elements.
            unsafe { simd.store_partial(target.as_mut_ptr(), count, va) };
            assert_eq!(target[..count], a[..count]);
            assert_eq!(target[count], -1.0, "{}: wrote past the part", S::NAME);
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "says which instruction sets ran")]
fn every_instruction_set_computes_what_its_operations_say() {
    for isa in Isa::available() {
        println!("ran {}", isa.name());
        isa.run(EveryOperation);
    }
    println!("absent here: {:?}", Isa::absent());
}

#[test]
fn the_active_one_is_available_and_the_last_resort_is_portable() {
    let available = Isa::available();
    assert!(available.contains(&Isa::active()));
    assert_eq!(available.last().map(|isa| isa.name()), Some(Portable::NAME));
}
