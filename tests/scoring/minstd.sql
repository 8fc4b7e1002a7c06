-- The C++ standard asks that the 10000th number of minstd_rand from its default seed, 1, is 399268537 (ISO/IEC 14882,
-- [rand.predef]). The multiplier is a primitive root: half a period gives -1 and a whole one 1, which needs every digit
-- of n. Another seed is a number of the same sequence.
with cases (seed, n, expected) as (
    values
    (1, 0, 1), (1, 1, 48271), (1, 2, 182605794), (1, 10000, 399268537), (2, 10000, 798537074),
    (48271, 9999, 399268537), (1, 1073741823, 2147483646), (1, 2147483646, 1), (2147483646, 1, 2147435376)
),

drawn as (
    select
        *,
        {{ minstd('seed', 'cast(n as bigint)') }} as actual
    from cases
)

select * from drawn
where actual is distinct from expected
