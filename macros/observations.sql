{% macro observations() -%}
    {%- set selects = [] -%}
    {%- for file in var('observation_files') -%}
        {%- do selects.append('select * from ' ~ ref('observations_' ~ file)) -%}
    {%- endfor -%}
    {{ selects | join('\n    union all\n    ') }}
{%- endmacro %}

{% macro indicator_year(editions, indicators) -%}
    coalesce({{ editions }}.base_year + {{ indicators }}.year_offset, {{ indicators }}.reference_year)
{%- endmacro %}
